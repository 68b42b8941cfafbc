//! Promises that are rejected while nothing waits for them.

use ferrowire::Message;
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, json};

/// The errors of the code, and whether its message was passed on.
async fn errors(code: &str) -> (Vec<String>, usize) {
    let config = json!({"func": code});
    let mut node = Harness::of("function").config(config).start().await;
    node.send(Message::with_payload(1)).await;
    node.wait(std::time::Duration::from_millis(10)).await;
    let stopped = node.stop().await;
    (stopped.errors, stopped.outputs.first().map_or(0, Vec::len))
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_nothing_handles_is_the_nodes_error_and_the_message_goes_on() {
    for (code, error) in [
        ("(async () => {\n throw new TypeError('lost') })();", "TypeError: lost: thrown in line 2"),
        ("Promise.reject(new Error('lost')).then(() => 1);", "Error: lost: thrown in line 1"),
        (
            "Promise.reject();",
            "Error: a promise was rejected with `undefined`, and nothing handles that",
        ),
        (
            "Promise.reject({code: 5});",
            "Error: a promise was rejected with `{\"code\":5}`, and nothing handles that",
        ),
        (
            "Promise.reject(new Error('lost')).finally(() => {}); await 1;",
            "Error: lost: thrown in line 1",
        ),
        (
            "await new Promise(r => setTimeout(r, 5)); (async () => { nowhere })();",
            "ReferenceError: nowhere is not defined (line 1, col 58)",
        ),
        ("node.linkcall('', msg);", "Error: the target of `linkcall` must be"),
    ] {
        let (errors, sent) = errors(&format!("{code}\nreturn msg;")).await;
        assert_eq!((errors.len(), sent), (1, 1), "{code}: {errors:?}");
        assert!(errors[0].starts_with(error), "{code}: {errors:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_something_handles_in_the_same_run_is_no_error() {
    for code in [
        "const p = Promise.reject(1); p.catch(() => {});",
        "const p = Promise.reject(1); Promise.resolve().then(() => p.catch(() => {}));",
        "try { await (async () => { throw 1 })() } catch {}",
        "await Promise.allSettled([Promise.reject(1)]); await Promise.race([Promise.reject(1)]).catch(() => {});",
        "await node.linkcall('nobody', msg).catch(() => {});",
    ] {
        let found = errors(&format!("{code}\nreturn msg;")).await;
        assert_eq!(found, (vec![], 1), "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_code_itself_throws_is_reported_once() {
    for code in [
        "throw new Error('x')",
        "await 1; throw 'x'",
        "return Promise.reject('x')",
        "await msg.x.y",
    ] {
        let (errors, sent) = errors(code).await;
        assert_eq!((errors.len(), sent), (1, 0), "{code}: {errors:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_rejections_is_summed_up() {
    let (errors, sent) =
        errors("for (let i = 0; i < 100000; i++) Promise.reject(new Error(i));\nreturn msg;").await;
    assert_eq!((errors.len(), sent), (17, 1));
    assert!(errors[0].starts_with("Error: 0"), "{errors:?}");
    assert!(errors[16].contains("99984 more promises were rejected"), "{errors:?}");
}
