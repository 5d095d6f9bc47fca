//! One connection through the proxy: commands one way, replies the other.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
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
    Gate, Mode,
    commands::{Command, Commands},
};

const PER_BYTE: Duration = Duration::from_millis(10);
/// The bytes that limited bandwidth lets pass at a time.
const PACKET: usize = 4096;
const GARBAGE: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\r\n";

/// Runs until one of the ends closes, or the mode demands it.
pub(super) async fn serve(
    client: TcpStream,
    upstream: String,
    mode: watch::Receiver<Mode>,
    exchanges: Arc<AtomicUsize>,
) -> io::Result<()> {
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let to_client = Mutex::new(to_client);
    let subscribes = AtomicBool::new(false);
    let requests = Upstream {
        to_server,
        to_client: &to_client,
        subscribes: &subscribes,
        exchanges: &exchanges,
    };
    tokio::select! {
        ended = requests.commands(from_client, mode.clone()) => ended,
        ended = replies(from_server, &to_client, mode.clone()) => ended,
        () = cut(mode, &subscribes) => Ok(()),
    }
}

/// Returns when the connection is to be cut.
async fn cut(mut mode: watch::Receiver<Mode>, subscribes: &AtomicBool) {
    let mut before = mode.borrow().clone();
    while mode.changed().await.is_ok() {
        let now = mode.borrow_and_update().clone();
        // of a connection where bytes got lost the ends no longer agree
        let is_broken = matches!(before, Mode::Silent | Mode::Garbage);
        let is_meant = match now {
            Mode::Refuse => true,
            Mode::CutSubscribers => subscribes.load(Ordering::SeqCst),
            _ => false,
        };
        if is_broken || is_meant {
            return;
        }
        before = now;
    }
}

/// The direction from client to server.
struct Upstream<'a> {
    to_server: OwnedWriteHalf,
    to_client: &'a Mutex<OwnedWriteHalf>,
    subscribes: &'a AtomicBool,
    exchanges: &'a AtomicUsize,
}

impl Upstream<'_> {
    async fn commands(
        mut self,
        mut from_client: OwnedReadHalf,
        mut mode: watch::Receiver<Mode>,
    ) -> io::Result<()> {
        let mut commands = Commands::default();
        while from_client.read_buf(&mut commands.0).await? != 0 {
            let mut is_first = true;
            while let Some(command) = commands.next() {
                if std::mem::take(&mut is_first) {
                    self.exchanges.fetch_add(1, Ordering::SeqCst);
                }
                self.command(&command, &mut mode).await?;
            }
        }
        Ok(())
    }

    async fn command(
        &mut self,
        command: &Command,
        mode: &mut watch::Receiver<Mode>,
    ) -> io::Result<()> {
        if command.name.ends_with("SUBSCRIBE") {
            self.subscribes.store(true, Ordering::SeqCst);
        }
        let now = mode.borrow_and_update().clone();
        match now {
            Mode::Silent => Ok(()),
            Mode::Garbage => self.to_client.lock().await.write_all(GARBAGE).await,
            Mode::Error(text) => {
                self.to_client.lock().await.write_all(format!("-{text}\r\n").as_bytes()).await
            }
            Mode::CutSubscribers if self.subscribes.load(Ordering::SeqCst) => {
                Err(io::ErrorKind::ConnectionAborted.into())
            }
            Mode::Hold(gate) => {
                pass(&gate, mode).await;
                self.to_server.write_all(&command.bytes).await
            }
            _ => self.to_server.write_all(&command.bytes).await,
        }
    }
}

/// Waits for the gate, or for another mode.
async fn pass(gate: &Gate, mode: &mut watch::Receiver<Mode>) {
    if let Ok(permit) = gate.left.try_acquire() {
        permit.forget();
    } else {
        gate.held.notify_one();
        let _ = mode.changed().await;
    }
}

async fn replies(
    mut from_server: OwnedReadHalf,
    to_client: &Mutex<OwnedWriteHalf>,
    mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let length = from_server.read(&mut bytes).await?;
        let read = &bytes[..length];
        if length == 0 {
            return Ok(());
        }
        let now = mode.borrow().clone();
        match now {
            Mode::Silent => {}
            Mode::CutReplies => {
                return to_client.lock().await.write_all(&read[..length / 2]).await;
            }
            Mode::Mute => to_client.lock().await.write_all(&without_messages(read)).await?,
            Mode::Limited(bandwidth) => {
                for packet in read.chunks(PACKET) {
                    bandwidth.pass(packet.len()).await;
                    to_client.lock().await.write_all(packet).await?;
                }
            }
            _ => {
                let mut rest = read;
                while let [byte, later @ ..] = rest
                    && matches!(*mode.borrow(), Mode::Slow)
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
