//! The base URL of a platform's API: only scheme, host and port.

use std::fmt;

use url::{Host, Url};

use super::problem::InvalidValue;
use crate::model::PlatformSpec;

/// `https://host[:port]`. `http` is accepted for loopback hosts only, because every
/// request carries the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(String);

impl ApiUrl {
    /// Parses and validates the URL of a platform's API.
    pub(super) fn parse(written: &str, platform: &PlatformSpec) -> Result<Self, InvalidValue> {
        let example = platform.default_api_url;
        let remedy = format!("use scheme://host or scheme://host:port, such as \"{example}\"");
        if written.contains('@') {
            return Err(InvalidValue::new("the URL contains a user name or password", remedy));
        }
        if !written.contains("://") {
            return Err(InvalidValue::of(written, "is not a URL", remedy));
        }
        let no_host = || InvalidValue::of(written, "has no valid host or port", &remedy);
        let url = Url::parse(written).map_err(|_| no_host())?;
        if url.path().len() > 1 || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidValue::new(
                "the URL has a path or query, which verta-sync adds itself",
                remedy,
            ));
        }
        check_scheme(&url, &remedy)?;
        origin(&url, written).map(Self).ok_or_else(no_host)
    }

    /// `scheme://host[:port]` in lower case, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// True if the host belongs to the platform, even if the URL is otherwise invalid.
pub(super) fn is_host_of(written: &str, platform: &PlatformSpec) -> bool {
    let host = |text: &str| Url::parse(text).ok()?.host_str().map(str::to_owned);
    host(written).or_else(|| host(&format!("https://{written}"))).is_some_and(|host| {
        let is_below =
            |domain: &&str| host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
        platform.hosts.iter().any(is_below)
    })
}

fn check_scheme(url: &Url, remedy: &str) -> Result<(), InvalidValue> {
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) => Ok(()),
        "http" => Err(InvalidValue::new(
            "http would send the token unencrypted to another machine",
            "use https://, or a host on this machine (localhost, 127.0.0.1, [::1])",
        )),
        other => Err(InvalidValue::of(other, "is not a supported scheme", remedy)),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The origin as written, in lower case. `None` for forms that the URL parser would
/// silently correct: `https:host`, `https://1.2.3`, `https://é`, whitespace, a
/// trailing dot.
fn origin(url: &Url, written: &str) -> Option<String> {
    let host = url.host_str()?;
    let is_name = matches!(url.host(), Some(Host::Domain(_)));
    if url.port() == Some(0) || (is_name && host.split('.').any(str::is_empty)) {
        return None;
    }
    let normal = url.as_str().trim_end_matches('/');
    if matches!(url.host(), Some(Host::Ipv6(_))) {
        return Some(normal.to_owned());
    }
    let plain = written.strip_suffix('/').unwrap_or(written).to_ascii_lowercase();
    let with_port = format!("{}://{host}:{}", url.scheme(), url.port_or_known_default()?);
    (plain == normal || plain == with_port).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::discord::SPEC;

    #[test]
    fn accepts_scheme_host_and_port() {
        for (written, text) in [
            ("https://discord.com", "https://discord.com"),
            ("HTTPS://Discord.COM/", "https://discord.com"),
            ("https://3proxy:8443", "https://3proxy:8443"),
            ("http://127.0.0.2:80", "http://127.0.0.2:80"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("http://sim.localhost", "http://sim.localhost"),
        ] {
            assert_eq!(ApiUrl::parse(written, &SPEC).unwrap().as_str(), text);
        }
    }

    #[test]
    fn rejects_everything_else() {
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
            "https:discord.com",
            "https:///discord.com",
            " https://discord.com",
            "https://discord\n.com",
            "https://%64iscord.com",
            "https://a..b",
            "https://h?",
            "https://h#",
        ] {
            assert!(ApiUrl::parse(written, &SPEC).is_err(), "{written}");
        }
    }

    #[test]
    fn errors_do_not_show_a_password_from_the_url() {
        for written in ["https://me:hush@proxy/", "https://me:hush@proxy:99999", "me:hush@proxy"] {
            let error = ApiUrl::parse(written, &SPEC).unwrap_err();
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn discord_is_recognized_by_its_domains() {
        assert_eq!(ApiUrl::parse(SPEC.default_api_url, &SPEC).unwrap().as_str(), "https://discord.com");
        assert!(is_host_of(SPEC.default_api_url, &SPEC));
        for written in ["https://canary.discord.com", "https://discord.com/api", "http://discordapp.com"] {
            assert!(is_host_of(written, &SPEC), "{written}");
        }
        for written in ["https://notdiscord.com", "https://discord.com.example", "https://"] {
            assert!(!is_host_of(written, &SPEC), "{written}");
        }
    }
}
