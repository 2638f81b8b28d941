//! The one kind of request that is answered.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::response::Status;

/// The longest request line with its headers. A scraper's has some 400 bytes.
pub(super) const MAX_HEAD: usize = 4096;

/// The most headers. A browser sends twenty.
const MAX_HEADERS: usize = 32;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// `/metrics`
    Metrics,
    /// `/healthz`
    Health,
}

/// A request that may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) wanted: Wanted,
    /// `HEAD`: the same without its content.
    pub(super) head_only: bool,
}

/// Reads what came so far: a request, `None` where more of it must come, or the status that refuses it.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Request>, Status> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(status) if status.is_complete() => {}
        Ok(_) if bytes.len() >= MAX_HEAD => return Err(Status::TooLong),
        Ok(_) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Status::TooLong),
        Err(_) => return Err(Status::Malformed),
    }
    let mut hosts = parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    // A page of somebody else's can make a browser come here under a name of its own that leads to loopback; the name is
    // then in this header, and nothing of that page's may read what is here.
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if is_loopback(host.value) => {}
        (Some(_), None) => return Err(Status::WrongHost),
        _ => return Err(Status::Malformed),
    }
    let head_only = match parsed.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => return Err(Status::WrongMethod),
    };
    let path = parsed.path.unwrap_or_default();
    let wanted = match path.split_once('?').map_or(path, |(path, _)| path) {
        "/metrics" => Wanted::Metrics,
        "/healthz" => Wanted::Health,
        _ => return Err(Status::NotFound),
    };
    Ok(Some(Request { wanted, head_only }))
}

/// Whether a `Host` names this machine to itself, with whatever port.
fn is_loopback(host: &[u8]) -> bool {
    let Ok(host) = std::str::from_utf8(host) else { return false };
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else { return false };
        return address.parse() == Ok(Ipv6Addr::LOCALHOST)
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let name = match host.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return false,
        None => host,
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|digit| digit.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, host: &str) -> Result<Option<Request>, Status> {
        read(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n").as_bytes())
    }

    #[test]
    fn what_is_asked_for_is_read() {
        let metrics = Ok(Some(Request { wanted: Wanted::Metrics, head_only: false }));
        assert_eq!(get("/metrics", "localhost"), metrics);
        assert_eq!(get("/metrics?name=x", "127.0.0.1:9464"), metrics);
        assert_eq!(
            get("/healthz", "[::1]:9464"),
            Ok(Some(Request { wanted: Wanted::Health, head_only: false }))
        );
        let head = read(b"HEAD /healthz HTTP/1.1\r\nhost: LOCALHOST\r\n\r\n");
        assert_eq!(head, Ok(Some(Request { wanted: Wanted::Health, head_only: true })));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic_and_nothing_but_a_whole_request_is_answered(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600),
        ) {
            proptest::prop_assert!(!matches!(read(&bytes), Ok(Some(_))));
        }

        #[test]
        fn a_host_that_is_answered_is_a_loopback_one(host in "[a-z0-9.:\\[\\]-]{0,24}") {
            let name = host.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(':');
            let is_ours = name == "localhost" || name.starts_with("127.") || host.starts_with("127.") || name.starts_with("[");
            proptest::prop_assert!(is_ours || get("/metrics", &host).is_err(), "{host}");
        }
    }

    #[test]
    fn half_a_request_is_waited_for_and_an_endless_one_is_not() {
        let whole = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), Ok(None), "{cut}");
        }
        let endless = format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: {}", "x".repeat(MAX_HEAD));
        assert_eq!(read(endless.as_bytes()), Err(Status::TooLong));
        let many =
            format!("GET /metrics HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: y\r\n".repeat(MAX_HEADERS));
        assert_eq!(read(many.as_bytes()), Err(Status::TooLong));
    }

    #[test]
    fn a_name_that_is_not_loopback_gets_nothing() {
        for host in [
            "evil.example",
            "evil.example:9464",
            "192.168.0.7",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "[::]",
            "[::1",
            "[::1]x",
            "localhost:",
            "localhost:x",
            "127.1",
            "",
            "localhost, evil.example",
        ] {
            assert!(get("/metrics", host).is_err(), "{host}");
        }
        assert_eq!(get("/metrics", "evil.example"), Err(Status::WrongHost));
        let two = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n";
        assert_eq!(read(two), Err(Status::Malformed));
        assert_eq!(read(b"GET /metrics HTTP/1.0\r\n\r\n"), Err(Status::Malformed));
    }

    #[test]
    fn only_two_things_can_be_read_and_nothing_written() {
        assert_eq!(get("/", "localhost"), Err(Status::NotFound));
        assert_eq!(get("/metrics/../healthz", "localhost"), Err(Status::NotFound));
        assert_eq!(get("http://localhost/metrics", "localhost"), Err(Status::NotFound));
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "CONNECT"] {
            let request = format!("{method} /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
            assert_eq!(read(request.as_bytes()), Err(Status::WrongMethod), "{method}");
        }
        assert_eq!(read(b"\x16\x03\x01\x02\x00"), Err(Status::Malformed));
    }
}
