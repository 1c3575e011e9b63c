//! The address of the API: scheme, host and port, nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::input::InvalidValue;

const REMEDY: &str = "write scheme://host or scheme://host:port, such as \"https://discord.com\"";

/// `https://host[:port]`, or `http` to the same computer only, because the
/// token travels with every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl {
    text: String,
    https: bool,
}

impl ApiUrl {
    pub(super) fn parse(written: &str) -> Result<Self, InvalidValue> {
        let (scheme, rest) =
            written.split_once("://").ok_or_else(|| InvalidValue::of(written, "is not a URL", REMEDY))?;
        let (authority, tail) = split_authority(rest);
        if authority.contains('@') {
            return Err(InvalidValue::new("the URL holds a user name or password", REMEDY));
        }
        if !matches!(tail, "" | "/") {
            return Err(InvalidValue::new(
                "the URL has a path or query, which verta-sync adds itself",
                REMEDY,
            ));
        }
        let (host, port) = split_port(authority)
            .ok_or_else(|| InvalidValue::of(written, "has no valid host or port", REMEDY))?;
        let https = is_https(scheme, &host)?;
        Ok(Self { text: format!("{}://{host}{port}", scheme.to_ascii_lowercase()), https })
    }

    /// Discord itself.
    pub(super) fn discord() -> Self {
        Self { text: "https://discord.com".to_owned(), https: true }
    }

    /// `scheme://host[:port]` in lower case, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `host[:port]`; an IPv6 address stands in brackets.
    pub fn authority(&self) -> &str {
        self.text.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// False for plain `http`.
    pub fn is_https(&self) -> bool {
        self.https
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// True if Discord is meant, even when the rest of the URL can't be used.
pub(super) fn means_discord(written: &str) -> bool {
    let rest = written.split_once("://").map_or(written, |(_, rest)| rest);
    split_port(split_authority(rest).0).is_some_and(|(host, _)| is_discord_host(&host))
}

fn is_discord_host(host: &str) -> bool {
    ["discord.com", "discordapp.com"]
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.')))
}

fn split_authority(rest: &str) -> (&str, &str) {
    rest.split_at(rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len()))
}

/// The host in lower case, and the port with its colon or nothing.
fn split_port(authority: &str) -> Option<(String, String)> {
    let end = authority
        .find(']')
        .map(|bracket| bracket + 1)
        .or_else(|| authority.find(':'))
        .unwrap_or(authority.len());
    let (host, port) = authority.split_at(end);
    (is_host(host) && is_port(port)).then(|| (host.to_ascii_lowercase(), port.to_owned()))
}

fn is_port(port: &str) -> bool {
    let Some(digits) = port.strip_prefix(':') else {
        return port.is_empty();
    };
    digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok_and(|port| port != 0)
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    let ends_in_number = host.rsplit('.').next().is_some_and(is_number);
    if ends_in_number {
        return host.parse::<Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_label)
}

/// What a URL's host can't end with unless it is an IPv4 address:
/// <https://url.spec.whatwg.org/#ends-in-a-number-checker>.
fn is_number(label: &str) -> bool {
    label.starts_with("0x") || label.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_https(scheme: &str, host: &str) -> Result<bool, InvalidValue> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok(true),
        "http" if is_loopback(host) => Ok(false),
        "http" => Err(InvalidValue::new(
            "http would send the token unencrypted to another computer",
            "write https://, or use a host on this computer (localhost, 127.0.0.1, [::1])",
        )),
        other => Err(InvalidValue::of(other, "is not a scheme of the API", REMEDY)),
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_are_enough() {
        for (written, text, authority) in [
            ("https://discord.com", "https://discord.com", "discord.com"),
            ("HTTPS://Discord.COM/", "https://discord.com", "discord.com"),
            ("https://3proxy:8443", "https://3proxy:8443", "3proxy:8443"),
            ("http://127.0.0.2:80", "http://127.0.0.2:80", "127.0.0.2:80"),
            ("http://[::1]:3000", "http://[::1]:3000", "[::1]:3000"),
            ("http://sim.localhost", "http://sim.localhost", "sim.localhost"),
        ] {
            let url = ApiUrl::parse(written).unwrap();
            assert_eq!((url.as_str(), url.authority()), (text, authority));
            assert_eq!(url.is_https(), text.starts_with("https"));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for written in [
            "",
            "discord.com",
            "https://",
            "https:///",
            "https://a b",
            "https://:80",
            "https://h:",
            "https://h:0",
            "https://h:65536",
            "https://h:+1",
            "https://h:1:2",
            "https://discord.com.",
            "https://1.2.3",
            "https://0x7f.1",
            "https://[::1",
            "https://é",
            "ftp://discord.com",
            "https://discord.com/api/v10",
            "https://h?x",
            "https://h#x",
            "http://discord.com",
            "http://localhost.evil.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "http://[::ffff:127.0.0.1]",
            "https://h\\@x",
        ] {
            assert!(ApiUrl::parse(written).is_err(), "{written}");
        }
    }

    #[test]
    fn a_password_in_the_url_is_not_repeated() {
        let error = ApiUrl::parse("https://me:hush@proxy/").unwrap_err();
        assert!(!error.to_string().contains("hush"));
    }

    #[test]
    fn discord_is_known_by_its_domains() {
        assert_eq!(ApiUrl::parse("https://discord.com"), Ok(ApiUrl::discord()));
        for written in ["https://canary.discord.com", "https://discord.com/api", "http://discordapp.com"] {
            assert!(means_discord(written), "{written}");
        }
        for written in ["https://notdiscord.com", "https://discord.com.example", "https://"] {
            assert!(!means_discord(written), "{written}");
        }
    }
}
