//! Fetches pages of messages from the simulated Discord.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use bytes::Bytes;
use discord_sim::{Description, Simulator, World};
use verta_sync::model::{ChannelId, MessageId, MessagePage};
use verta_sync::platform::discord;

use crate::{BenchResult, GUILD};

pub const PAGE: u16 = 100;

/// A page of a channel, as received.
pub struct RawPage {
    pub channel: ChannelId,
    pub after: Option<MessageId>,
    pub body: Bytes,
}

impl RawPage {
    pub fn parse(&self) -> MessagePage {
        discord::read_page(self.body.clone(), self.channel, PAGE)
            .expect("the simulator's pages are well-formed")
    }
}

/// All pages of a world, in the order of a sync that reads twenty channels at once.
pub fn of(world: &Description) -> BenchResult<Vec<RawPage>> {
    let sim = Simulator::start(World::new(world));
    let channels: Vec<u64> = sim.world().truth(GUILD).iter().map(|channel| channel.id).collect();
    let mut pages = Vec::new();
    for group in channels.chunks(20) {
        let mut open: Vec<(ChannelId, Option<MessageId>)> =
            group.iter().filter_map(|id| Some((ChannelId::new(*id)?, None))).collect();
        while !open.is_empty() {
            let mut more = Vec::new();
            for (channel, after) in open {
                let page = RawPage { channel, after, body: fetch(&sim, channel, after)? };
                if let Some(last) = page.parse().last_id() {
                    pages.push(page);
                    more.push((channel, Some(last)));
                }
            }
            open = more;
        }
    }
    Ok(pages)
}

fn fetch(sim: &Simulator, channel: ChannelId, after: Option<MessageId>) -> BenchResult<Bytes> {
    let mut stream = TcpStream::connect(sim.address())?;
    let after = after.map_or(0, MessageId::get);
    write!(
        stream,
        "GET /api/v10/channels/{}/messages?after={after}&limit={PAGE} HTTP/1.1\r\nhost: localhost\r\n\
         authorization: Bot {}\r\nuser-agent: DiscordBot (https://localhost, 1)\r\nconnection: close\r\n\r\n",
        channel.get(),
        sim.token()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("the answer has no head")?;
    Ok(Bytes::from(answer).slice(head + 4..))
}
