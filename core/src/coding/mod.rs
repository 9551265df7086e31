//! Content codings (RFC 9110, section 8.4.1), decoded as bytes arrive and within bounds.
//!
//! A body that is compressed cannot be read by any rule, so the guard decodes it, masks it and sends it
//! identity-coded. What it cannot decode it refuses: an unknown coding never means "clean". Expansion is
//! bounded, so a bomb costs its sender more than it costs us.
//!
//! ```
//! use wardline::coding::Decoder;
//! assert!(Decoder::of("identity").unwrap().is_none());
//! assert!(Decoder::of("gzip, br").unwrap().is_some());
//! assert!(Decoder::of("compress").is_err());
//! ```

use std::fmt;
use std::io::{self, Write};

use zstd::stream::raw::Operation as _;

use crate::error::{Error, ErrorKind};

/// Compressed bytes are fed in slices of this size, so that one slice's output stays bounded.
const SLICE: usize = 4 * 1024;
/// The most one slice may expand to: deflate reaches about 1,032 to 1, so 4 KiB to 4.2 MB.
const SLICE_LIMIT: usize = 5 * 1024 * 1024;
/// A list longer than this has no honest sender.
const CODINGS: usize = 3;

/// How messages are packed that may each be packed by itself, as those of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Packing {
    /// None is.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 1950 or 1951.
    Deflate,
    /// RFC 8878.
    Zstd,
    /// Nobody here can undo it.
    Unknown,
}

impl Packing {
    /// By its name, as `grpc-encoding` has it.
    pub fn of(name: &str) -> Self {
        match name {
            "" | "identity" => Self::Plain,
            "gzip" => Self::Gzip,
            "deflate" => Self::Deflate,
            "zstd" => Self::Zstd,
            _ => Self::Unknown,
        }
    }

    /// Unpacks one message and appends it; `false` where it cannot be, or is longer than `limit`.
    pub fn unpack(self, message: &[u8], limit: usize, out: &mut Vec<u8>) -> bool {
        let name = match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Plain | Self::Unknown => return false,
        };
        let Ok(Some(mut decoder)) = Decoder::of(name) else { return false };
        let end = out.len().saturating_add(limit);
        for piece in message.chunks(SLICE) {
            if decoder.push(piece, out).is_err() || out.len() > end {
                return false;
            }
        }
        decoder.finish(out).is_ok() && out.len() <= end
    }
}

/// Decodes the codings of one body, outermost first.
pub struct Decoder {
    stages: Vec<Stage>,
}

enum Stage {
    /// `multi` in the name: members may follow each other (RFC 1952, section 2.2).
    Gzip(Box<flate2::write::MultiGzDecoder<Bounded>>),
    Deflate(Box<Deflate>),
    Brotli(Box<brotli::DecompressorWriter<Bounded>>),
    Zstd(Box<Zstd>),
}

impl Decoder {
    /// The decoder for a `Content-Encoding` value; `None` where the body is not coded.
    ///
    /// # Errors
    /// A coding that is not `gzip`, `x-gzip`, `deflate`, `br`, `zstd` or `identity`, or too many of them.
    pub fn of(content_encoding: &str) -> Result<Option<Self>, Error> {
        let mut stages = Vec::new();
        let names = content_encoding.split(',').map(str::trim).filter(|name| !name.is_empty());
        for name in names {
            let sink = Bounded::default();
            let stage = match name.to_ascii_lowercase().as_str() {
                "identity" => continue,
                "gzip" | "x-gzip" => Stage::Gzip(Box::new(flate2::write::MultiGzDecoder::new(sink))),
                "deflate" => Stage::Deflate(Box::default()),
                "br" => Stage::Brotli(Box::new(brotli::DecompressorWriter::new(sink, SLICE))),
                "zstd" => Stage::Zstd(Box::new(Zstd::new().map_err(corrupt)?)),
                _ => {
                    return Err(Error::new(
                        ErrorKind::Input,
                        "expected a content coding of gzip, deflate, br or zstd",
                    ));
                }
            };
            stages.push(stage);
        }
        if stages.len() > CODINGS {
            return Err(Error::new(ErrorKind::Input, "expected at most 3 content codings"));
        }
        // The last coding named was applied last, so it comes off first (RFC 9110, section 8.4).
        stages.reverse();
        Ok((!stages.is_empty()).then_some(Self { stages }))
    }

    /// Decodes `input`; what it yields is appended to `out`.
    ///
    /// # Errors
    /// Corrupt data, or an expansion no honest sender needs. The body must then be refused or cut.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
        for slice in input.chunks(SLICE) {
            let mut bytes = slice.to_vec();
            for stage in &mut self.stages {
                bytes = stage.push(&bytes)?;
            }
            out.extend_from_slice(&bytes);
        }
        Ok(())
    }

    /// Ends the body: what the decoders still hold is appended to `out`.
    ///
    /// # Errors
    /// A body that ends before its coding does is truncated.
    pub fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut bytes = Vec::new();
        for stage in &mut self.stages {
            let mut tail = if bytes.is_empty() { Vec::new() } else { stage.push(&bytes)? };
            tail.extend(stage.finish()?);
            bytes = tail;
        }
        out.extend_from_slice(&bytes);
        Ok(())
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decoder({} codings)", self.stages.len())
    }
}

impl Stage {
    fn push(&mut self, input: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        for slice in input.chunks(SLICE) {
            match self {
                Self::Gzip(d) => {
                    d.write_all(slice).and_then(|()| d.flush()).map(|()| out.append(d.get_mut().take()))
                }
                Self::Deflate(d) => d.push(slice).map(|mut bytes| out.append(&mut bytes)),
                Self::Brotli(d) => d.write_all(slice).map(|()| out.append(d.get_mut().take())),
                Self::Zstd(d) => d.push(slice, &mut out),
            }
            .and_then(|()| within_bound(&out))
            .map_err(corrupt)?;
        }
        Ok(out)
    }

    fn finish(&mut self) -> Result<Vec<u8>, Error> {
        match self {
            Self::Gzip(d) => d.try_finish().map(|()| std::mem::take(d.get_mut().take())),
            Self::Deflate(d) => d.finish(),
            Self::Brotli(d) => d.close().map(|()| std::mem::take(d.get_mut().take())),
            Self::Zstd(d) => d.finish(),
        }
        .map_err(corrupt)
    }
}

/// The raw decoder rather than the writer: only it tells whether the last frame was whole, and a body cut in
/// the middle of a frame must not pass for a complete one (RFC 8878, section 3.1).
struct Zstd {
    raw: zstd::stream::raw::Decoder<'static>,
    frame_open: bool,
}

impl Zstd {
    fn new() -> io::Result<Self> {
        Ok(Self { raw: zstd::stream::raw::Decoder::new()?, frame_open: true })
    }

    fn push(&mut self, mut input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        let mut block = [0; 16 * 1024];
        loop {
            if !self.frame_open && !input.is_empty() {
                self.raw.reinit()?;
                self.frame_open = true;
            }
            let status = self.raw.run_on_buffers(input, &mut block)?;
            self.frame_open = status.remaining != 0;
            out.extend_from_slice(block.get(..status.bytes_written).unwrap_or_default());
            within_bound(out)?;
            input = input.get(status.bytes_read..).unwrap_or_default();
            let block_full = status.bytes_written == block.len();
            if input.is_empty() && !block_full {
                return Ok(());
            }
        }
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        if self.frame_open { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(Vec::new()) }
    }
}

/// `deflate` means zlib (RFC 1950), but enough senders send bare deflate (RFC 1951) that readers accept both;
/// the first byte tells them apart.
#[derive(Default)]
struct Deflate(Option<DeflateKind>);

enum DeflateKind {
    Zlib(flate2::write::ZlibDecoder<Bounded>),
    Bare(flate2::write::DeflateDecoder<Bounded>),
}

impl Deflate {
    fn push(&mut self, input: &[u8]) -> io::Result<Vec<u8>> {
        let Some(first) = input.first() else { return Ok(Vec::new()) };
        let kind = self.0.get_or_insert_with(|| match first & 0x0f {
            8 => DeflateKind::Zlib(flate2::write::ZlibDecoder::new(Bounded::default())),
            _ => DeflateKind::Bare(flate2::write::DeflateDecoder::new(Bounded::default())),
        });
        match kind {
            DeflateKind::Zlib(d) => {
                d.write_all(input).and_then(|()| d.flush()).map(|()| std::mem::take(d.get_mut().take()))
            }
            DeflateKind::Bare(d) => {
                d.write_all(input).and_then(|()| d.flush()).map(|()| std::mem::take(d.get_mut().take()))
            }
        }
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match &mut self.0 {
            None => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(DeflateKind::Zlib(d)) => d.try_finish().map(|()| std::mem::take(d.get_mut().take())),
            Some(DeflateKind::Bare(d)) => d.try_finish().map(|()| std::mem::take(d.get_mut().take())),
        }
    }
}

/// Where a stage writes: refuses to grow past what one slice may become.
#[derive(Default)]
struct Bounded(Vec<u8>);

impl Bounded {
    fn take(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        within_bound(&self.0).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn within_bound(out: &[u8]) -> io::Result<()> {
    if out.len() > SLICE_LIMIT { Err(io::Error::other("expands beyond its bound")) } else { Ok(()) }
}

fn corrupt(source: io::Error) -> Error {
    Error::new(ErrorKind::Input, "the body does not decode under its content coding").with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..40_000_u32)
            .flat_map(|n| format!("{{\"n\":{}}}", n.wrapping_mul(2_654_435_761)).into_bytes())
            .collect()
    }

    fn encode(coding: &str, clear: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match coding {
            "gzip" => {
                let mut e = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
                e.write_all(clear).unwrap();
                e.finish().unwrap();
            }
            "deflate" => {
                let mut e = flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::fast());
                e.write_all(clear).unwrap();
                e.finish().unwrap();
            }
            "bare" => {
                let mut e = flate2::write::DeflateEncoder::new(&mut out, flate2::Compression::fast());
                e.write_all(clear).unwrap();
                e.finish().unwrap();
            }
            "br" => {
                let mut e = brotli::CompressorWriter::new(&mut out, 4096, 4, 20);
                e.write_all(clear).unwrap();
            }
            "zstd" => out = zstd::stream::encode_all(clear, 3).unwrap(),
            other => panic!("no encoder for {other}"),
        }
        out
    }

    fn decode(header: &str, coded: &[u8], piece: usize) -> Result<Vec<u8>, Error> {
        let mut decoder = Decoder::of(header).unwrap().unwrap();
        let mut out = Vec::new();
        for chunk in coded.chunks(piece) {
            decoder.push(chunk, &mut out)?;
        }
        decoder.finish(&mut out)?;
        Ok(out)
    }

    #[test]
    fn every_coding_gives_back_the_clear_bytes_however_it_is_cut() {
        let clear = text();
        for (header, how) in
            [("gzip", "gzip"), ("deflate", "deflate"), ("deflate", "bare"), ("BR", "br"), ("zstd", "zstd")]
        {
            let coded = encode(how, &clear);
            for piece in [1 << 20, 4_097, 7] {
                assert_eq!(decode(header, &coded, piece).unwrap(), clear, "{how} {piece}");
            }
        }
        let twice = encode("br", &encode("gzip", &clear));
        assert_eq!(decode("gzip, br", &twice, 1000).unwrap(), clear);
    }

    #[test]
    fn what_is_cut_short_or_corrupt_is_an_error() {
        let clear = text();
        for how in ["gzip", "deflate", "br", "zstd"] {
            let coded = encode(how, &clear);
            assert!(decode(how, &coded[..coded.len() / 2], 1000).is_err(), "{how} cut");
            let mut wrong = coded.clone();
            let middle = wrong.len() / 2;
            wrong[middle..middle + 40].iter_mut().for_each(|b| *b ^= 0x5a);
            assert!(decode(how, &wrong, 1000).is_err(), "{how} corrupt");
        }
    }

    #[test]
    fn a_bomb_is_stopped() {
        let clear = vec![0; 256 << 20];
        for how in ["br", "zstd"] {
            assert!(decode(how, &encode(how, &clear), 64 << 10).is_err(), "{how}");
        }
    }
}
