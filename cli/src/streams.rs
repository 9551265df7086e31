//! Where the command reads and writes: the process's own streams, or a test's.

use std::io::{self, BufRead, BufReader, Write};

use serde::Serialize;

use crate::Failure;

/// Input, output and errors of one run.
pub struct Streams<'a> {
    /// Standard input.
    pub input: &'a mut (dyn BufRead + Send),
    /// Standard output.
    pub out: &'a mut dyn Write,
    /// Standard error.
    pub err: &'a mut dyn Write,
}

impl Streams<'static> {
    /// The streams of this process. Leaks the buffers: they live as long as the process.
    pub fn of_process() -> Self {
        Self {
            input: Box::leak(Box::new(BufReader::with_capacity(64 * 1024, io::stdin()))),
            out: Box::leak(Box::new(io::LineWriter::with_capacity(64 * 1024, io::stdout()))),
            err: Box::leak(Box::new(io::stderr())),
        }
    }
}

impl Streams<'_> {
    /// One JSON value on a line of its own.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_vec(value).map_err(io::Error::from)?;
        self.out.write_all(&line)?;
        self.out.write_all(b"\n")?;
        Ok(())
    }

    /// One line for people.
    pub(crate) fn say(&mut self, line: impl AsRef<str>) -> Result<(), Failure> {
        writeln!(self.out, "{}", line.as_ref())?;
        Ok(())
    }

    /// All of standard input.
    pub(crate) fn read_all(&mut self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        self.input.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Each line of standard input that is not empty, read as JSON, answered by one line.
    pub(crate) fn each_line<Q, A>(
        &mut self,
        mut answer: impl FnMut(Q) -> Result<A, Failure>,
    ) -> Result<(), Failure>
    where
        Q: serde::de::DeserializeOwned,
        A: Serialize,
    {
        let (mut line, mut number) = (Vec::new(), 0_u64);
        loop {
            line.clear();
            if self.input.read_until(b'\n', &mut line)? == 0 {
                self.out.flush()?;
                return Ok(());
            }
            number += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let question = serde_json::from_slice(&line).map_err(|e| {
                // serde's own words may quote the line.
                Failure::Usage(format!(
                    "line {number}, column {}: expected the fields of this command",
                    e.column()
                ))
            })?;
            self.json(&answer(question)?)?;
        }
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        let _ = self.out.flush();
        let _ = match failure {
            Failure::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Failure::Io(error) => writeln!(self.err, "wardline: {error}"),
            Failure::Usage(message) => writeln!(self.err, "wardline: {message}"),
            Failure::Library(error) => writeln!(self.err, "wardline: {error} [{}]", error.code()),
        };
    }
}
