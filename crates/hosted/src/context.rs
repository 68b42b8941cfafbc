//! Answers the child's questions about context, on a thread that waits for nothing else: nodes in the
//! child read context synchronously, so that the child waits meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_core::{ContextStores, Map, PropertyPath, Value};
use rustix::fs::{Mode, OFlags};

use crate::codec::{MAX_FRAME, frame, record};

/// Both pipes. They end with the child, which has their other ends.
struct Pipes {
    questions: File,
    answers: File,
}

/// Answers questions until the child ends, or an invalid one.
///
/// # Errors
/// If no thread can be started.
pub(crate) fn answer(
    questions: PathBuf,
    answers: PathBuf,
    stores: Arc<ContextStores>,
) -> std::io::Result<()> {
    let answer_all = move || {
        // An error is the end of the child.
        if let Ok(mut pipes) = Pipes::open(&questions, &answers) {
            while let Some(question) = pipes.question() {
                if pipes.answer(&answer_of(&question, &stores)).is_err() {
                    break;
                }
            }
        }
    };
    std::thread::Builder::new().name("npm-context".to_owned()).spawn(answer_all)?;
    Ok(())
}

/// Ends the thread that waits for a child to open this pipe.
pub(crate) fn end(questions: &Path) {
    // To open it is enough. For reading as well, so that this does not wait.
    let _opened = OpenOptions::new().read(true).write(true).open(questions);
}

impl Pipes {
    /// Waits until the child opens the pipe of questions, which it does after the other one.
    fn open(questions: &Path, answers: &Path) -> std::io::Result<Self> {
        let questions = File::open(questions)?;
        // Without waiting: the child may have ended.
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let answers = rustix::fs::open(answers, flags, Mode::empty())?;
        rustix::fs::fcntl_setfl(&answers, OFlags::empty())?;
        Ok(Pipes { questions, answers: answers.into() })
    }

    fn question(&mut self) -> Option<Map> {
        let mut length = [0; 4];
        self.questions.read_exact(&mut length).ok()?;
        let length = usize::try_from(u32::from_le_bytes(length)).ok();
        let length = length.filter(|length| (1..=MAX_FRAME).contains(length))?;
        let mut body = vec![0; length];
        self.questions.read_exact(&mut body).ok()?;
        match record(&Bytes::from(body)).ok()? {
            Value::Object(question) => Some(Arc::unwrap_or_clone(question)),
            _ => None,
        }
    }

    fn answer(&mut self, answer: &Result<Value, String>) -> std::io::Result<()> {
        let answer = match answer {
            Ok(value) => [("value", value.clone())],
            Err(error) => [("error", error.as_str().into())],
        };
        let answer = frame(&answer.into_iter().collect::<Map>().into());
        let answer = answer.or_else(|error| {
            frame(&Map::from_iter([("error", Value::from(error.to_string()))]).into())
        });
        answer.map_or(Ok(()), |frame| self.answers.write_all(&frame))
    }
}

fn answer_of(question: &Map, stores: &ContextStores) -> Result<Value, String> {
    let text = |key: &str| question.get(key).and_then(Value::as_str).unwrap_or_default();
    let (name, place) = (text("store"), text("place"));
    let store = stores.store(name).ok_or_else(|| format!("there is no context store `{name}`"))?;
    let path = || PropertyPath::parse_key(text("key")).map_err(|error| error.to_string());
    match text("t") {
        "get" => Ok(store.get(place, &path()?).unwrap_or(Value::Undefined)),
        "set" => {
            let value = question.get("value").cloned();
            store.set(place, &path()?, value).map_err(|error| error.to_string())?;
            Ok(Value::Undefined)
        }
        "keys" => {
            let keys = store.keys(place).into_iter().map(|key| Value::from(key.as_str()));
            Ok(keys.collect::<Vec<_>>().into())
        }
        other => Err(format!("invalid question `{other}`")),
    }
}
