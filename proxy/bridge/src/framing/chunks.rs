//! A chunked body as bytes (RFC 9112 § 7.1), followed while it arrives. It is framed anew for the
//! upstream, so what is let through here is read once; it is judged all the same, because a chunk
//! line that two servers read differently is never sent by mistake.

use thiserror::Error;

use super::fields::is_control;
use super::line::is_token;
use crate::rejection::{Refusal, Rejection};

/// Digits of a chunk's size: more than any chunk has, and few enough for a signed number.
const DIGITS: u8 = 15;
/// Bytes of one chunk's line; for the last one its trailers are counted as well.
const OVERHEAD: usize = 8 * 1024;

/// Why a chunked body was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChunkProblem {
    /// Not hexadecimal digits alone: nothing, a sign, a prefix, white space.
    #[error("a chunk's size is no hexadecimal number")]
    Size,
    /// More digits than any size has.
    #[error("a chunk's size has more than {DIGITS} digits")]
    SizeTooLong,
    /// Neither `;name`, `;name=token` nor `;name="text"`, without white space around them.
    #[error("a chunk's extension cannot be read")]
    Extension,
    /// LF without CR, or CR without LF.
    #[error("a line of a chunk does not end with CRLF")]
    LineEnd,
    /// The data of a chunk is longer or shorter than its size.
    #[error("a chunk does not end where its size says")]
    DataEnd,
    /// A trailer that is no field line.
    #[error("a trailer cannot be read")]
    Trailer,
    /// A chunk's line, or the trailers, are larger than anybody needs.
    #[error("a chunk's line or the trailers have more than {OVERHEAD} bytes")]
    TooLarge,
}

impl From<ChunkProblem> for Refusal {
    fn from(problem: ChunkProblem) -> Self {
        Self::new(Rejection::FramingInvalid, problem.to_string())
    }
}

/// Follows a chunked body while it arrives.
#[derive(Clone, Debug)]
pub struct ChunkScan {
    state: State,
    /// The size of the chunk whose line is read.
    size: u64,
    /// Bytes of its line so far.
    overhead: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a size of so many digits.
    Size(u8),
    /// Behind `;`.
    ExtensionBegin,
    ExtensionName,
    /// Behind `=`.
    ValueBegin,
    Value,
    Quoted,
    /// Behind a backslash in a quoted text.
    Escaped,
    /// Behind the second quotation mark.
    QuotedEnd,
    /// Between CR and LF of a chunk's line.
    LineEnd,
    /// So many bytes of data are left.
    Data(u64),
    /// Behind the data.
    DataEnd,
    /// Between CR and LF behind the data.
    DataLineEnd,
    /// At the beginning of a trailer, or of the empty line.
    TrailerBegin,
    TrailerName,
    TrailerValue,
    /// Between CR and LF of a trailer.
    TrailerLineEnd,
    /// Between CR and LF of the empty line.
    LastLineEnd,
    /// Behind the body.
    Done,
    /// It was refused.
    Broken(ChunkProblem),
}

impl Default for ChunkScan {
    fn default() -> Self {
        Self {
            state: State::Size(0),
            size: 0,
            overhead: 0,
        }
    }
}

impl ChunkScan {
    /// Reads on in bytes that follow those of the last call, and tells how many of them belong to
    /// the body: fewer than there are once it is over.
    ///
    /// # Errors
    /// What no further byte can mend, from then on every time.
    pub fn advance(&mut self, bytes: &[u8]) -> Result<usize, ChunkProblem> {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = match self.state {
                State::Done => break,
                State::Data(left) => {
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    self.state = match left - length as u64 {
                        0 => State::DataEnd,
                        left => State::Data(left),
                    };
                    rest.get(length..).unwrap_or_default()
                }
                _ => {
                    self.step(byte)
                        .inspect_err(|problem| self.state = State::Broken(*problem))?;
                    behind
                }
            };
        }
        if let State::Broken(problem) = self.state {
            return Err(problem);
        }
        Ok(bytes.len() - rest.len())
    }

    fn step(&mut self, byte: u8) -> Result<(), ChunkProblem> {
        self.overhead += 1;
        if self.overhead > OVERHEAD {
            return Err(ChunkProblem::TooLarge);
        }
        self.state = match self.state {
            State::Size(digits) => self.size(digits, byte)?,
            State::LineEnd | State::DataLineEnd | State::TrailerLineEnd | State::LastLineEnd => {
                match byte {
                    b'\n' => self.line_ended(),
                    _ => return Err(ChunkProblem::LineEnd),
                }
            }
            State::DataEnd => match byte {
                b'\r' => State::DataLineEnd,
                _ => return Err(ChunkProblem::DataEnd),
            },
            State::TrailerBegin | State::TrailerName | State::TrailerValue => {
                trailer(self.state, byte)?
            }
            State::Broken(problem) => return Err(problem),
            extension => self::extension(extension, byte)?,
        };
        Ok(())
    }

    fn size(&mut self, digits: u8, byte: u8) -> Result<State, ChunkProblem> {
        if digits == 0 {
            (self.size, self.overhead) = (0, 1);
        }
        match (char::from(byte).to_digit(16), byte) {
            (Some(_), _) if digits == DIGITS => Err(ChunkProblem::SizeTooLong),
            (Some(digit), _) => {
                self.size = self.size << 4 | u64::from(digit);
                Ok(State::Size(digits + 1))
            }
            (None, _) if digits == 0 => Err(ChunkProblem::Size),
            (None, b';') => Ok(State::ExtensionBegin),
            (None, b'\r') => Ok(State::LineEnd),
            (None, b'\n') => Err(ChunkProblem::LineEnd),
            (None, _) => Err(ChunkProblem::Size),
        }
    }

    /// What follows a line's end.
    fn line_ended(&self) -> State {
        match (self.state, self.size) {
            (State::LineEnd, 0) | (State::TrailerLineEnd, _) => State::TrailerBegin,
            (State::LineEnd, size) => State::Data(size),
            (State::LastLineEnd, _) => State::Done,
            _ => State::Size(0),
        }
    }
}

/// Extensions (RFC 9112 § 7.1.1). White space around `;` and `=` is bad there too, and nobody sends
/// it.
fn extension(state: State, byte: u8) -> Result<State, ChunkProblem> {
    match (state, byte) {
        (State::Quoted, b'"') => Ok(State::QuotedEnd),
        (State::Quoted, b'\\') => Ok(State::Escaped),
        (State::Quoted | State::Escaped, _) if !is_control(byte) => Ok(State::Quoted),
        (_, b'\n') => Err(ChunkProblem::LineEnd),
        (State::ExtensionBegin | State::ExtensionName, _) if is_token(byte) => {
            Ok(State::ExtensionName)
        }
        (State::ValueBegin, b'"') => Ok(State::Quoted),
        (State::ValueBegin | State::Value, _) if is_token(byte) => Ok(State::Value),
        (State::ExtensionName, b'=') => Ok(State::ValueBegin),
        (State::ExtensionName | State::Value | State::QuotedEnd, b';') => Ok(State::ExtensionBegin),
        (State::ExtensionName | State::Value | State::QuotedEnd, b'\r') => Ok(State::LineEnd),
        _ => Err(ChunkProblem::Extension),
    }
}

/// Trailers (RFC 9112 § 7.1.2) are field lines. They are never forwarded.
fn trailer(state: State, byte: u8) -> Result<State, ChunkProblem> {
    match (state, byte) {
        (State::TrailerBegin, b'\r') => Ok(State::LastLineEnd),
        (State::TrailerValue, b'\r') => Ok(State::TrailerLineEnd),
        (_, b'\n') => Err(ChunkProblem::LineEnd),
        (State::TrailerBegin | State::TrailerName, _) if is_token(byte) => Ok(State::TrailerName),
        (State::TrailerName, b':') => Ok(State::TrailerValue),
        (State::TrailerValue, _) if !is_control(byte) => Ok(State::TrailerValue),
        _ => Err(ChunkProblem::Trailer),
    }
}

#[cfg(test)]
mod tests;
