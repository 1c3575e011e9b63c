//! Sends requests to Parley under its limits.

use std::io;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use verta_sync::monitor::{Counter, Monitor};
use verta_sync::platform::{AdapterSettings, ConnectError, ErrorKind, Gate, PlatformError, RetryPolicy};

use crate::wire::{Question, Refusal, Request};

/// A client of Parley for one token.
pub struct Parley {
    settings: AdapterSettings,
    address: String,
    token: String,
    gate: Gate,
}

impl Parley {
    pub fn new(settings: &AdapterSettings, token: &str) -> Result<Self, ConnectError> {
        let address = settings.api_url.strip_prefix("http://");
        let address = address.ok_or_else(|| ConnectError("Parley speaks no TLS".to_owned()))?.to_owned();
        let gate = Gate::new(settings.gate);
        Ok(Self { settings: settings.clone(), address, token: token.to_owned(), gate })
    }

    /// Sends a request. Retries transient errors, unless it is a probe.
    pub async fn ask<T: DeserializeOwned + Send>(
        &self,
        question: Question,
        subject: &str,
        (backlog, is_probe): (u64, bool),
        monitor: &dyn Monitor,
    ) -> Result<T, PlatformError> {
        let request = Request { token: self.token.clone(), question };
        let line = serde_json::to_string(&request).expect("a request is JSON") + "\n";
        let failed = |kind, detail: String| PlatformError::new(kind, subject, detail);
        let attempt = || async {
            let _permit = self.gate.acquire(backlog).await.map_err(|reached| {
                failed(ErrorKind::InvalidRequestLimit, format!("no request may be sent: {reached:?}"))
            })?;
            monitor.count(Counter::ApiCalls, 1);
            let answer = timeout(self.settings.request_timeout, self.exchange(&line)).await;
            let answer = answer.map_err(|_| failed(ErrorKind::Timeout, "no response in time".to_owned()))?;
            let answer = answer.map_err(|error| failed(ErrorKind::Network, error.to_string()))?;
            let answer: Result<T, Refusal> = serde_json::from_slice(&answer)
                .map_err(|_| failed(ErrorKind::Unreadable, "the response is malformed".to_owned()))?;
            answer.map_err(|refusal| failed(kind_of(refusal), format!("{refusal:?}")))
        };
        let retry = if is_probe { RetryPolicy::NONE } else { self.settings.retry };
        retry.run(monitor, attempt).await
    }

    async fn exchange(&self, line: &str) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address).await?;
        stream.write_all(line.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(answer)
    }
}

const fn kind_of(refusal: Refusal) -> ErrorKind {
    match refusal {
        Refusal::InvalidToken => ErrorKind::TokenRejected,
        Refusal::NotInTeam => ErrorKind::NotInWorkspace,
        Refusal::ChannelNotFound => ErrorKind::NotFound,
        Refusal::MessageNotFound => ErrorKind::MessageGone,
    }
}
