//! A person at a terminal: a command that runs in a pseudoterminal, what it shows there, and what is typed.

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

pub struct Terminal {
    child: Child,
    keyboard: File,
    output: Receiver<Vec<u8>>,
    screen: Vec<u8>,
}

impl Terminal {
    /// Starts a command with a terminal of 80 columns as its stdin, stdout, stderr and controlling terminal.
    pub fn start(command: &Command) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudoterminal");
        grantpt(&controller).and_then(|()| unlockpt(&controller)).expect("it is ours");
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&controller, size).expect("it has a size");
        let name = ptsname(&controller, Vec::new()).expect("it has a name");
        let side = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it is ours");
        let side = || File::from(side.try_clone().expect("a descriptor can be duplicated"));
        let mut session = super::session(command, &["--ctty"]);
        session.stdin(side()).stdout(side()).stderr(side()).env("TERM", "xterm");
        let child = session.spawn().expect("it runs");
        let keyboard = File::from(controller);
        let mut reader = keyboard.try_clone().expect("a descriptor can be duplicated");
        let (sender, output) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Once nobody has the terminal open any more, reading it fails.
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { child, keyboard, output, screen: Vec::new() }
    }

    /// Waits until the terminal shows this text.
    pub fn wait_for(&mut self, text: &str) {
        while !self.screen().contains(text) {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.screen.extend(bytes),
                Err(error) => panic!("{error}; waited for {text:?} and saw:\n{}", self.screen()),
            }
        }
    }

    pub fn type_line(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).expect("the terminal takes it");
    }

    /// Waits for the command to end: all that it showed, and its exit code.
    pub fn end(mut self) -> (String, Option<i32>) {
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.screen.extend(bytes);
        }
        let status = self.child.wait().expect("it is a child");
        (self.screen(), status.code())
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen).replace("\r\n", "\n")
    }
}

/// Far longer than anything takes: a command that hangs fails its test.
const PATIENCE: Duration = Duration::from_secs(180);
