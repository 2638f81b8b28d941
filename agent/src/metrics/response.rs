//! An answer, whole: its length is known and the connection ends with it.

/// How an answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    /// No request, or one that does not say which machine it means.
    Malformed,
    /// It was found by a name that is not a loopback one.
    WrongHost,
    NotFound,
    WrongMethod,
    /// It did not come in time.
    TooSlow,
    TooLong,
    /// The device does not do its work.
    Unwell,
}

impl Status {
    fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::Malformed => "400 Bad Request",
            Self::WrongHost => "403 Forbidden",
            Self::NotFound => "404 Not Found",
            Self::WrongMethod => "405 Method Not Allowed\r\nAllow: GET, HEAD",
            Self::TooSlow => "408 Request Timeout",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::Unwell => "503 Service Unavailable",
        }
    }

    /// What somebody is told who looks at the answer.
    fn says(self) -> &'static str {
        match self {
            Self::WrongHost => "ask by a loopback name: localhost, 127.0.0.1 or [::1]\n",
            Self::NotFound => "there are /metrics and /healthz\n",
            Self::WrongMethod => "this can only be read\n",
            _ => "\n",
        }
    }
}

/// The type of OpenMetrics, as its specification has it.
pub(super) const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(super) const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer with content; without it where only the head was asked for.
pub(super) fn whole(status: Status, kind: &str, content: &str, head_only: bool) -> Vec<u8> {
    let mut answer = format!(
        "HTTP/1.1 {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nCross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n\r\n",
        status.line(),
        content.len(),
    );
    if !head_only {
        answer.push_str(content);
    }
    answer.into_bytes()
}

/// An answer that refuses.
pub(super) fn refusal(status: Status) -> Vec<u8> {
    whole(status, TEXT, status.says(), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_its_length_and_that_it_is_the_last() {
        let answer = String::from_utf8(whole(Status::Ok, JSON, "{}", false)).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n")
        );
        assert!(answer.contains("\r\nConnection: close\r\n") && answer.ends_with("\r\n\r\n{}"), "{answer}");
        assert!(!answer.to_ascii_lowercase().contains("access-control"), "no other origin may read it");
        let head = String::from_utf8(whole(Status::Unwell, JSON, "{}", true)).unwrap();
        assert!(
            head.starts_with("HTTP/1.1 503 ")
                && head.contains("Content-Length: 2\r\n")
                && head.ends_with("\r\n\r\n")
        );
        assert!(
            String::from_utf8(refusal(Status::WrongMethod)).unwrap().contains("\r\nAllow: GET, HEAD\r\n")
        );
    }
}
