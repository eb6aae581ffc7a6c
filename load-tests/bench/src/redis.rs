//! A Redis of this run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::process::{Process, free_address};

/// A running Redis that keeps nothing on disk.
pub struct Redis {
    process: Process,
    address: SocketAddr,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// redis-server is missing.
    pub fn start(folder: &Path) -> Outcome<Self> {
        Self::start_with(folder, &[])
    }

    /// Starts one on a free port, with more arguments.
    ///
    /// # Errors
    /// redis-server is missing.
    pub fn start_with(folder: &Path, more: &[String]) -> Outcome<Self> {
        let address = free_address()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &address.port().to_string()]);
        command.args(["--maxmemory-policy", "noeviction", "--loglevel", "warning"]);
        command.arg("--dir").arg(folder).args(more);
        let mut process =
            Process::start("redis-server", &mut command, &folder.join("redis.log"))
                .map_err(|error| format!("{error}; install it: apt-get install -y redis-server"))?;
        process.listens(address)?;
        Ok(Self { process, address })
    }

    /// Its address, as the gateway is told it.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// A number of one of the sections of INFO, such as `total_commands_processed` of `stats`.
    ///
    /// # Errors
    /// It does not answer.
    pub fn number(&self, section: &str, name: &str) -> Outcome<u64> {
        let text = self.ask(&format!("INFO {section}"))?;
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = value.and_then(|value| value.trim().parse().ok());
        Ok(number.ok_or_else(|| format!("INFO {section} has no {name}"))?)
    }

    /// Stores a text under a name.
    ///
    /// # Errors
    /// It does not take it.
    pub fn set(&self, name: &str, text: &str) -> Outcome<()> {
        let answer = self.ask(&format!("SET \"{name}\" \"{text}\""))?;
        match answer.as_str() {
            "+OK" => Ok(()),
            _ => Err(format!("Redis did not store a value: {answer}").into()),
        }
    }

    /// What it answers to a command with a bulk string.
    ///
    /// # Errors
    /// It does not answer.
    pub fn ask(&self, command: &str) -> Outcome<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.write_all(format!("{command}\r\n").as_bytes())?;
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let Some(length) = first.trim().strip_prefix('$') else {
            return Ok(first.trim().to_owned());
        };
        let mut text = vec![0; length.parse()?];
        reader.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }
}
