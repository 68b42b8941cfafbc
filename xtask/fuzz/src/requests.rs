//! A strict reading of HTTP/1.1 requests (RFC 9112), without any of the leniencies that it allows.

/// A request.
#[derive(Debug, PartialEq)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub body: Vec<u8>,
}

/// What stands at a place where a request may begin.
#[derive(Debug, PartialEq)]
pub enum Found {
    Request(Seen),
    /// Something that must not be taken for a request.
    Invalid(&'static str),
    /// Something that a server may read or refuse. Nothing is known from here on.
    Unknown,
}

/// How the body of a request is framed.
enum Framing {
    Length(usize),
    Chunked,
}

/// The requests in `bytes`, up to the first that is incomplete or invalid.
pub fn strictly(mut bytes: &[u8]) -> Vec<Found> {
    let mut all = Vec::new();
    while let Some(found) = next(&mut bytes) {
        let is_request = matches!(found, Found::Request(_));
        all.push(found);
        if !is_request {
            break;
        }
    }
    all
}

fn next(bytes: &mut &[u8]) -> Option<Found> {
    while let Some(rest) = bytes.strip_prefix(b"\r\n") {
        *bytes = rest;
    }
    let mut lines = Vec::new();
    loop {
        match line(bytes)? {
            Ok([]) => break,
            Ok(line) => lines.push(line),
            Err(bare) => return Some(bare),
        }
    }
    let (first, headers) = lines.split_first()?;
    let (method, target) = match request_line(first) {
        Ok(both) => both,
        Err(found) => return Some(found),
    };
    let framing = match framing(headers) {
        Ok(framing) => framing,
        Err(found) => return Some(found),
    };
    let body = match framing {
        Framing::Length(length) => {
            let body = bytes.get(..length)?;
            *bytes = &bytes[length..];
            body.to_vec()
        }
        Framing::Chunked => match chunks(bytes)? {
            Ok(body) => body,
            Err(found) => return Some(found),
        },
    };
    Some(Found::Request(Seen { method, target, body }))
}

/// A line without its end; `None` if it has none.
fn line<'a>(bytes: &mut &'a [u8]) -> Option<Result<&'a [u8], Found>> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[..end];
    *bytes = &bytes[end + 1..];
    Some(line.strip_suffix(b"\r").ok_or(Found::Invalid("a bare line feed")))
}

fn request_line(line: &[u8]) -> Result<(String, String), Found> {
    let text = std::str::from_utf8(line).map_err(|_| Found::Unknown)?;
    let parts: Vec<&str> = text.split(' ').collect();
    match parts.as_slice() {
        [method, target, "HTTP/1.1"] if target.starts_with('/') && !target.contains('#') => {
            Ok(((*method).to_owned(), (*target).to_owned()))
        }
        // Other versions and forms of targets.
        _ => Err(Found::Unknown),
    }
}

fn framing(headers: &[&[u8]]) -> Result<Framing, Found> {
    let (mut lengths, mut encodings, mut hosts) = (Vec::new(), Vec::new(), 0);
    for line in headers {
        let colon = line.iter().position(|byte| *byte == b':');
        let colon = colon.ok_or(Found::Invalid("a line without a colon"))?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if !name.iter().all(|byte| byte.is_ascii_graphic()) || name.is_empty() {
            return Err(Found::Invalid("a name with blanks, or none"));
        }
        match name.to_ascii_lowercase().as_slice() {
            b"content-length" => lengths.push(value),
            b"transfer-encoding" => encodings.push(value),
            b"host" => hosts += 1,
            // What follows is another protocol.
            b"upgrade" => return Err(Found::Unknown),
            _ => {}
        }
    }
    if hosts != 1 {
        return Err(Found::Invalid("no host, or two"));
    }
    match (lengths.as_slice(), encodings.as_slice()) {
        ([], []) => Ok(Framing::Length(0)),
        ([length], []) => {
            let digits = length.iter().all(u8::is_ascii_digit);
            let number = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            number.filter(|_| digits).map(Framing::Length).ok_or(Found::Invalid("a length"))
        }
        ([], [encoding]) if encoding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        ([], [_]) => Err(Found::Unknown),
        _ => Err(Found::Invalid("an ambiguous length")),
    }
}

/// A body in chunks; `None` if it is incomplete.
fn chunks(bytes: &mut &[u8]) -> Option<Result<Vec<u8>, Found>> {
    let mut body = Vec::new();
    loop {
        let Ok(line) = line(bytes)? else { return Some(Err(Found::Unknown)) };
        let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
        let text = std::str::from_utf8(digits).unwrap_or_default();
        let Ok(size) = usize::from_str_radix(text, 16) else { return Some(Err(Found::Unknown)) };
        if text.starts_with('+') || line.contains(&b'\r') {
            return Some(Err(Found::Unknown));
        }
        if size == 0 {
            break;
        }
        body.extend_from_slice(bytes.get(..size)?);
        *bytes = &bytes[size..];
        let Some(rest) = bytes.strip_prefix(b"\r\n") else { return Some(Err(Found::Unknown)) };
        *bytes = rest;
    }
    loop {
        match self::line(bytes)? {
            Ok([]) => return Some(Ok(body)),
            Ok(_) => {}
            Err(_) => return Some(Err(Found::Unknown)),
        }
    }
}
