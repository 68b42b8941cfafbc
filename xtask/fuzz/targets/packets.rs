//! MQTT packets of a broker: the borders of reads change nothing.
#![no_main]

use ferrowire_plugin_mqtt::read_all;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, bytes)) = data.split_first() else { return };
    let (is_new, piece) = (first & 1 == 1, usize::from(first >> 1) + 1);
    assert_eq!(read_all(bytes, piece, is_new), read_all(bytes, bytes.len(), is_new), "{piece}");
});
