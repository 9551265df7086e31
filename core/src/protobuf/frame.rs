//! Messages in a body of gRPC: each behind five bytes, whether it is compressed and its length
//! (github.com/grpc/grpc, `PROTOCOL-HTTP2.md`).

/// Bytes before a message.
pub const HEAD: usize = 5;

/// The head of the message that a body begins with: its flag, its length, and what follows the head. `None` where it has not come.
pub fn head(body: &[u8]) -> Option<(u8, usize, &[u8])> {
    let (&[flag, length @ ..], rest) = body.split_first_chunk::<HEAD>()?;
    Some((flag, u32::from_be_bytes(length) as usize, rest))
}

/// Appends a message that is not compressed; `None` where it is longer than a length can say.
pub fn write(message: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let length = u32::try_from(message.len()).ok()?;
    out.push(0);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(message);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_is_written() {
        let mut body = Vec::new();
        write(b"ab", &mut body).unwrap();
        assert_eq!(head(&body), Some((0, 2, &b"ab"[..])));
        assert_eq!(head(b"\x01\0\0\0"), None);
    }
}
