//! `Heads`: what RFC 9112 forbids in the heads of requests, and hyper accepts or hides: line feeds
//! without a carriage return, and ambiguous lengths of bodies. A proxy that reads them in another way
//! could be made to pass on requests that it has not seen.

use std::sync::{Mutex, MutexGuard};

use ferrowire_core::MutexExt as _;

/// What has to be known of a header line: names and lengths are shorter.
const KEPT: usize = 64;

/// The heads of the requests of one connection: the stream reports what it reads before hyper parses
/// it, and the server asks for each request.
#[derive(Debug, Default)]
pub(crate) struct Heads(Mutex<Scanner>);

impl Heads {
    /// Takes note of bytes that were received.
    pub(crate) fn received(&self, bytes: &[u8]) {
        self.lock().scan(bytes);
    }

    /// Why the next request must be refused, if it must. To be called once for each request.
    pub(crate) fn next_refusal(&self) -> Option<&'static str> {
        let mut scanner = self.lock();
        scanner.asked += 1;
        scanner.refused.filter(|(number, _)| *number < scanner.asked).map(|(_, reason)| reason)
    }

    fn lock(&self) -> MutexGuard<'_, Scanner> {
        self.0.locked()
    }
}

/// Splits the bytes of a connection into heads and bodies.
#[derive(Debug, Default)]
struct Scanner {
    part: Part,
    head: Head,
    /// The beginning of the current line.
    line: Vec<u8>,
    /// The last byte of the current line.
    last: Option<u8>,
    /// The number of heads that have ended.
    ended: u64,
    /// The number of requests that the server has asked for.
    asked: u64,
    /// The number of a head that must be refused, and why. Nothing after it is read.
    refused: Option<(u64, &'static str)>,
}

/// The header lines of the current head that matter.
#[derive(Debug, Default)]
struct Head {
    has_begun: bool,
    lengths: Vec<u64>,
    encodings: usize,
}

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, Default)]
enum Part {
    #[default]
    Head,
    /// This many bytes of a body.
    Body(u64),
    /// The line with the size of a chunk.
    Size,
    /// This many bytes of a chunk, with the line break after it.
    Chunk(u64),
    /// The lines after the last chunk.
    Trailer,
    /// Something that hyper refuses itself.
    Unreadable,
}

impl Scanner {
    fn scan(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.refused.is_none() {
            bytes = match self.part {
                Part::Unreadable => return,
                Part::Body(left) => self.skip(bytes, left, Part::Body, Part::Head),
                Part::Chunk(left) => self.skip(bytes, left, Part::Chunk, Part::Size),
                Part::Head | Part::Size | Part::Trailer => self.read_line(bytes),
            };
        }
    }

    fn skip<'a>(
        &mut self,
        bytes: &'a [u8],
        left: u64,
        part: fn(u64) -> Part,
        then: Part,
    ) -> &'a [u8] {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let left = left - length as u64;
        self.part = if left == 0 { then } else { part(left) };
        &bytes[length..]
    }

    /// Reads to the end of a line, or as far as there are bytes.
    fn read_line<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (text, rest) = match end {
            Some(end) => (&bytes[..end], &bytes[end + 1..]),
            None => (bytes, &[][..]),
        };
        let kept = text.len().min(KEPT - self.line.len());
        self.line.extend_from_slice(&text[..kept]);
        self.last = text.last().copied().or(self.last);
        if end.is_some() {
            let is_bare = self.last.take() != Some(b'\r');
            let line = std::mem::take(&mut self.line);
            self.end_line(line.strip_suffix(b"\r").unwrap_or(&line), is_bare);
            self.line = line;
            self.line.clear();
        }
        rest
    }

    fn end_line(&mut self, line: &[u8], is_bare: bool) {
        match self.part {
            Part::Head if is_bare => {
                self.refuse("a line of the head ends without a carriage return")
            }
            Part::Head if line.is_empty() && self.head.has_begun => self.end_head(),
            Part::Head => self.head.add(line),
            _ if is_bare => self.part = Part::Unreadable,
            Part::Size => {
                self.part = match chunk_size(line) {
                    Some(0) => Part::Trailer,
                    Some(size) => Part::Chunk(size.saturating_add(2)),
                    None => Part::Unreadable,
                }
            }
            Part::Trailer if line.is_empty() => self.part = Part::Head,
            _ => {}
        }
    }

    fn end_head(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.part = match (head.lengths.as_slice(), head.encodings) {
            ([], 0) | ([0], 0) => Part::Head,
            ([length], 0) => Part::Body(*length),
            ([], 1) => Part::Size,
            ([], _) => return self.refuse("`Transfer-Encoding` is given twice"),
            (_, 0) => return self.refuse("`Content-Length` is given twice"),
            _ => return self.refuse("`Content-Length` and `Transfer-Encoding` exclude each other"),
        };
        self.ended += 1;
    }

    fn refuse(&mut self, reason: &'static str) {
        self.refused = Some((self.ended, reason));
    }
}

impl Head {
    /// Takes note of a line, which may be an empty one before the head.
    fn add(&mut self, line: &[u8]) {
        let is_request_line = !self.has_begun;
        self.has_begun |= !line.is_empty();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if is_request_line {
            return;
        }
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            self.encodings += 1;
        } else if name.eq_ignore_ascii_case(b"content-length") {
            let number = str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            // Hyper refuses what is no number.
            self.lengths.push(number.unwrap_or_default());
        }
    }
}

fn chunk_size(line: &[u8]) -> Option<u64> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    u64::from_str_radix(str::from_utf8(&line[..digits]).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The refusals of `count` requests that come in pieces of `size` bytes.
    fn refusals(text: &str, size: usize, count: usize) -> Vec<bool> {
        let heads = Heads::default();
        text.as_bytes().chunks(size).for_each(|piece| heads.received(piece));
        (0..count).map(|_| heads.next_refusal().is_some()).collect()
    }

    #[test]
    fn the_request_that_is_wrong_is_found_after_bodies_of_any_form() {
        let good = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\na\n\nb\
                    POST / HTTP/1.1\r\nhost: x\r\nTRANSFER-ENCODING: chunked\r\n\r\n\
                    3;x=y\r\n\n\n\n\r\n10\r\n0123456789\nabcde\r\n0\r\nTrailer: x\r\n\r\n\
                    \r\nGET /content-length:5 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
        for bad in [
            "GET / HTTP/1.1\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\n\n",
            "GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        ] {
            for size in [1, 2, 3, 7, 1000] {
                let found = refusals(&format!("{good}{bad}"), size, 4);
                assert_eq!(found, [false, false, false, true], "{bad:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn long_lines_are_not_kept() {
        let long = format!("GET / HTTP/1.1\r\nx: {}\n\r\n", "y".repeat(100_000));
        let heads = Heads::default();
        heads.received(long.as_bytes());
        assert!(heads.next_refusal().is_some());
        assert!(heads.lock().line.capacity() <= 2 * KEPT);
    }
}
