//! `Questions`: what this instance has asked others, until they answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::Reply;
use tokio::sync::mpsc;

/// The questions that are open.
#[derive(Debug, Default)]
pub(crate) struct Questions {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    askers: HashMap<u64, mpsc::Sender<(String, Reply)>>,
}

/// An open question. Later answers are dropped with it.
#[derive(Debug)]
pub(crate) struct Question {
    questions: Arc<Questions>,
    pub(crate) number: u64,
    answers: mpsc::Receiver<(String, Reply)>,
}

impl Questions {
    /// Opens a question for at most `most` answers.
    pub(crate) fn open(self: &Arc<Self>, most: usize) -> Question {
        let (sender, answers) = mpsc::channel(most.max(1));
        let mut open = self.open.locked();
        open.last += 1;
        let number = open.last;
        open.askers.insert(number, sender);
        Question { questions: Arc::clone(self), number, answers }
    }

    /// Gives an answer to who has asked. One that is too late, or one too many, is dropped.
    pub(crate) fn answered(&self, number: u64, from: String, reply: Reply) {
        if let Some(asker) = self.open.locked().askers.get(&number) {
            let _too_many = asker.try_send((from, reply));
        }
    }
}

impl Question {
    /// The next answer, with the instance that gave it.
    pub(crate) async fn answer(&mut self) -> Option<(String, Reply)> {
        self.answers.recv().await
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.questions.open.locked().askers.remove(&self.number);
    }
}
