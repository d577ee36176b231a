//! A mailer to post to: takes messages on a port of its own, believes only what is signed, and can be told to behave badly.
//!
//! One thread for each connection and no library: what it does wrong, it does wrong on purpose.

use std::{
    fmt,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, SystemTime},
};

use anyhow::Result;
use outbox::{HEADER_ID, HEADER_SIGNATURE, HEADER_TIMESTAMP, Signed, SigningSecrets};
use serde_json::Value;

/// How the mailer treats what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes it.
    Take,
    /// Answers with this status.
    Answer(u16),
    /// Sends the client elsewhere: to itself, so that a client that follows would be seen.
    Redirect,
    /// Takes it, and lets the client wait so long for the answer.
    Dawdle(Duration),
    /// Closes the connection without a word.
    HangUp,
}

/// A message as it came.
#[derive(Debug, Clone)]
pub struct Message {
    /// `webhook-id`: the event's.
    pub id: String,
    /// The body.
    pub body: Value,
    /// The body's bytes.
    pub bytes: Vec<u8>,
    /// What it was posted to, and with which headers.
    pub head: Vec<String>,
}

impl Message {
    /// The type of the event.
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    /// Whom it is for.
    pub fn to(&self) -> &str {
        self.body["data"]["to"].as_str().unwrap_or_default()
    }

    /// The token in it.
    #[track_caller]
    pub fn token(&self) -> &str {
        self.body["data"]["token"].as_str().expect("a token")
    }
}

/// The mailer; it ends with the test's process.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Where it listens: `http://127.0.0.1:port`.
    pub origin: String,
    shared: Arc<Shared>,
}

struct Shared {
    secrets: SigningSecrets,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    manner: Manner,
    messages: Vec<Message>,
    forged: usize,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Begins to listen.
    pub fn start(secret: &str) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let origin = format!("http://{}", listener.local_addr()?);
        let secrets = SigningSecrets::parse(secret).map_err(anyhow::Error::msg)?;
        let state = Mutex::new(State { manner: Manner::Take, messages: Vec::new(), forged: 0 });
        let mailbox = Self { origin, shared: Arc::new(Shared { secrets, state }) };
        let listening = mailbox.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mailbox = listening.clone();
                // A client that goes away is none of the mailer's business.
                thread::spawn(move || mailbox.serve(stream));
            }
        });
        Ok(mailbox)
    }

    /// From now on it treats messages so.
    pub fn behave(&self, manner: Manner) {
        self.state().manner = manner;
    }

    /// Everything that came and was signed, in the order in which it came.
    pub fn messages(&self) -> Vec<Message> {
        self.state().messages.clone()
    }

    /// The messages of a kind to an address.
    pub fn messages_to(&self, kind: &str, to: &str) -> Vec<Message> {
        let mut messages = self.messages();
        messages.retain(|message| message.kind() == kind && message.to() == to);
        messages
    }

    /// How much came that was not signed, or not in time.
    pub fn forged(&self) -> usize {
        self.state().forged
    }

    /// Waits until so many messages have come.
    pub async fn wait_for(&self, count: usize) {
        for _ in 0..2000 {
            if self.state().messages.len() >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {} of {count} messages have come", self.state().messages.len());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no panic while it is held")
    }

    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream);
        let head = read_head(&mut reader)?;
        let mut bytes = vec![0; header(&head, "content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut bytes)?;

        let signed = Signed {
            id: header(&head, HEADER_ID),
            timestamp: header(&head, HEADER_TIMESTAMP),
            signature: header(&head, HEADER_SIGNATURE),
            body: &bytes,
        };
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let believed = self.shared.secrets.verify(signed, since_1970.as_secs() as i64).is_ok();
        let manner = {
            let mut state = self.state();
            if believed {
                let id = signed.id.to_owned();
                let body = serde_json::from_slice(&bytes).unwrap_or_default();
                state.messages.push(Message { id, body, bytes: bytes.clone(), head: head.clone() });
                state.manner
            } else {
                state.forged += 1;
                Manner::Answer(401)
            }
        };

        let (status, more) = match manner {
            Manner::Take => (204, String::new()),
            Manner::Answer(status) => (status, String::new()),
            Manner::Redirect => (307, format!("location: {}/elsewhere\r\n", self.origin)),
            Manner::Dawdle(wait) => {
                thread::sleep(wait);
                (204, String::new())
            }
            Manner::HangUp => return Ok(()),
        };
        write!(reader.get_mut(), "HTTP/1.1 {status} x\r\n{more}content-length: 0\r\nconnection: close\r\n\r\n")
    }
}

/// The request line and the headers, a line each.
fn read_head(reader: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end() {
            "" => return Ok(head),
            line => head.push(line.to_owned()),
        }
    }
}

fn header<'a>(head: &'a [String], name: &str) -> &'a str {
    let mut pairs = head.iter().skip(1).filter_map(|line| line.split_once(':'));
    pairs.find(|(other, _)| other.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim())
}
