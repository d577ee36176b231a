//! Redis by script: one connection, one command a line, and what came of each.

use send_wrapper::SendWrapper;
use spin_sdk::redis::{Connection, RedisParameter};

/// Runs the lines of the body. A first line that is an address is opened instead of the configured one. A word of digits is
/// sent as a number.
pub(crate) async fn run(script: String) -> String {
    SendWrapper::new(async move {
        let mut lines = script.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        let address = match lines.next_if(|line| line.contains("://")) {
            Some(address) => address.to_owned(),
            None => spin_sdk::variables::get("redis_url").await.unwrap_or_default(),
        };
        let connection = match Connection::open(address).await {
            Ok(connection) => connection,
            Err(error) => return format!("error: {error:?}"),
        };
        let mut answers = vec!["open".to_owned()];
        for line in lines {
            let mut words = line.split(' ');
            let command = words.next().unwrap_or_default();
            let arguments: Vec<_> = words.map(argument).collect();
            answers.push(match connection.execute(command, arguments).await {
                Ok(results) => format!("{results:?}"),
                Err(error) => format!("error: {error:?}"),
            });
        }
        answers.join("\n")
    })
    .await
}

fn argument(word: &str) -> RedisParameter {
    match word.parse() {
        Ok(number) => RedisParameter::Int64(number),
        Err(_) => RedisParameter::Binary(word.as_bytes().to_vec()),
    }
}
