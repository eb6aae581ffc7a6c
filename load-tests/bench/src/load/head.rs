//! The head of an HTTP/1 message, read as far as a load generator needs it.

/// How long the body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// There is none.
    None,
    /// That many bytes.
    Bytes(usize),
    /// As long as its chunks.
    Chunked,
}

/// A head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its bytes, the empty line among them.
    pub bytes: usize,
    /// The status, where it is an answer's.
    pub status: u16,
    /// The length of what follows.
    pub length: Length,
    /// The connection ends with this message.
    pub closes: bool,
}

impl Head {
    /// Reads a head at the start of `buffer`; `None` while it is not whole.
    pub fn parse(buffer: &[u8]) -> Option<Self> {
        let mut head = Self {
            bytes: 0,
            status: 0,
            length: Length::None,
            closes: false,
        };
        let mut start = 0;
        loop {
            let rest = buffer.get(start..)?;
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let line = rest.get(..end)?.trim_ascii_end();
            if start == 0 {
                head.status = status(line);
            } else if line.is_empty() {
                head.bytes = start + end + 1;
                return Some(head);
            } else {
                head.field(line);
            }
            start += end + 1;
        }
    }

    fn field(&mut self, line: &[u8]) {
        let value = |name: &[u8]| {
            let (start, rest) = line.split_at_checked(name.len())?;
            start.eq_ignore_ascii_case(name).then(|| rest.trim_ascii())
        };
        if let Some(value) = value(b"content-length:") {
            let number = std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse().ok());
            self.length = number.map_or(Length::None, Length::Bytes);
        } else if value(b"transfer-encoding:").is_some() {
            self.length = Length::Chunked;
        } else if let Some(value) = value(b"connection:") {
            self.closes = value.eq_ignore_ascii_case(b"close");
        }
    }
}

fn status(line: &[u8]) -> u16 {
    let text = line
        .get(9..12)
        .and_then(|text| std::str::from_utf8(text).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let whole =
            b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 12\r\nConnection: close\r\n\r\nrest";
        for short in 0..whole.len() - 4 {
            assert_eq!(Head::parse(&whole[..short]), None);
        }
        let head = Head::parse(whole).unwrap();
        assert_eq!((head.status, head.length), (401, Length::Bytes(12)));
        assert!(head.closes);
        assert_eq!(&whole[head.bytes..], b"rest");
    }

    #[test]
    fn chunks_have_no_length_beforehand() {
        let head = Head::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        assert_eq!(head.length, Length::Chunked);
    }
}
