//! One connection through the proxy: commands one way, replies the other.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{Mutex, watch},
};

use super::{
    Gate, Way,
    commands::{Command, Commands},
};

const PER_BYTE: Duration = Duration::from_millis(10);
/// What passes a line at a time.
const PACKET: usize = 4096;
const GARBAGE: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";

/// Runs until one of the ends closes, or the way asks for it.
pub(super) async fn serve(
    client: TcpStream,
    upstream: String,
    way: watch::Receiver<Way>,
) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let to_client = Mutex::new(to_client);
    let subscribes = AtomicBool::new(false);
    let there = There { to_server, to_client: &to_client, subscribes: &subscribes };
    tokio::select! {
        ended = there.commands(from_client, way.clone()) => ended,
        ended = replies(from_server, &to_client, way.clone()) => ended,
        () = cut(way, &subscribes) => Ok(()),
    }
}

/// Returns when the connection is to be cut.
async fn cut(mut way: watch::Receiver<Way>, subscribes: &AtomicBool) {
    let mut before = way.borrow().clone();
    while way.changed().await.is_ok() {
        let now = way.borrow_and_update().clone();
        // of a connection where bytes got lost the ends no longer agree
        let is_broken = matches!(before, Way::Silent | Way::Garbage);
        let is_meant = match now {
            Way::Refuse => true,
            Way::CutSubscribers => subscribes.load(Ordering::SeqCst),
            _ => false,
        };
        if is_broken || is_meant {
            return;
        }
        before = now;
    }
}

/// The way from client to server.
struct There<'a> {
    to_server: OwnedWriteHalf,
    to_client: &'a Mutex<OwnedWriteHalf>,
    subscribes: &'a AtomicBool,
}

impl There<'_> {
    async fn commands(
        mut self,
        mut from_client: OwnedReadHalf,
        mut way: watch::Receiver<Way>,
    ) -> io::Result<()> {
        let mut commands = Commands::default();
        while from_client.read_buf(&mut commands.0).await? != 0 {
            while let Some(command) = commands.next() {
                self.command(&command, &mut way).await?;
            }
        }
        Ok(())
    }

    async fn command(
        &mut self,
        command: &Command,
        way: &mut watch::Receiver<Way>,
    ) -> io::Result<()> {
        if command.name.ends_with("SUBSCRIBE") {
            self.subscribes.store(true, Ordering::SeqCst);
        }
        let now = way.borrow_and_update().clone();
        match now {
            Way::Silent => Ok(()),
            Way::Garbage => self.to_client.lock().await.write_all(GARBAGE).await,
            Way::Error(text) => {
                self.to_client.lock().await.write_all(format!("-{text}\r\n").as_bytes()).await
            }
            Way::CutSubscribers if self.subscribes.load(Ordering::SeqCst) => {
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Way::Hold(gate) => {
                pass(&gate, way).await;
                self.to_server.write_all(&command.bytes).await
            }
            _ => self.to_server.write_all(&command.bytes).await,
        }
    }
}

/// Waits for the gate, or for another way.
async fn pass(gate: &Gate, way: &mut watch::Receiver<Way>) {
    if let Ok(permit) = gate.left.try_acquire() {
        permit.forget();
    } else {
        gate.held.notify_one();
        let _ = way.changed().await;
    }
}

async fn replies(
    mut from_server: OwnedReadHalf,
    to_client: &Mutex<OwnedWriteHalf>,
    way: watch::Receiver<Way>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let length = from_server.read(&mut bytes).await?;
        let read = &bytes[..length];
        if length == 0 {
            return Ok(());
        }
        let now = way.borrow().clone();
        match now {
            Way::Silent => {}
            Way::CutReplies => {
                return to_client.lock().await.write_all(&read[..length / 2]).await;
            }
            Way::Mute => to_client.lock().await.write_all(&without_messages(read)).await?,
            Way::Thin(line) => {
                for packet in read.chunks(PACKET) {
                    line.pass(packet.len()).await;
                    to_client.lock().await.write_all(packet).await?;
                }
            }
            _ => {
                let mut rest = read;
                while let [byte, later @ ..] = rest
                    && matches!(*way.borrow(), Way::Slow)
                {
                    tokio::time::sleep(PER_BYTE).await;
                    to_client.lock().await.write_all(&[*byte]).await?;
                    rest = later;
                }
                to_client.lock().await.write_all(rest).await?;
            }
        }
    }
}

/// What a server sends without what was published: arrays of the word, the channel and the message.
/// Such a small one comes as a whole.
fn without_messages(mut sent: &[u8]) -> Vec<u8> {
    const BEGIN: &[u8] = b"*3\r\n$7\r\nmessage\r\n";
    let mut rest = Vec::with_capacity(sent.len());
    while let [byte, later @ ..] = sent {
        if sent.starts_with(BEGIN)
            && let mut commands = Commands(sent.into())
            && let Some(message) = commands.next()
        {
            sent = &sent[message.bytes.len()..];
        } else {
            rest.push(*byte);
            sent = later;
        }
    }
    rest
}
