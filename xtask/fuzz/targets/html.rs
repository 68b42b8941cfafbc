//! HTML: selectors select the same within `:is`, and each element is selected once.
//!
//! The input is HTML, and after a zero byte a selector.
#![no_main]

use ferrowire_core::{Message, Value};
use ferrowire_fuzz::{convert, two_texts};
use ferrowire_plugin_html as _;
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let Some((html, selector)) = two_texts(data) else { return };
    let select = |selector: &str, output: &str| {
        let config = json!({"tag": selector, "ret": output});
        convert("html", &config, Message::with_payload(html)).map(|sent| sent[0].clone())
    };
    let count = |value: &Value| value.as_array().map(<[Value]>::len);
    let Ok(all) = select("*", "html") else { return };
    let each = select("p, :not(p)", "attr").expect("it selects all");
    assert_eq!(count(&all), count(&each));
    if let (Ok(own), Ok(within)) =
        (select(selector, "text"), select(&format!(":is({selector})"), "text"))
        && !selector.trim_start().starts_with(['>', '<', '+', '~'])
        && !selector.contains(['(', ')', '/', ',', '\\'])
    {
        assert_eq!(own, within, "{selector}");
    }
});
