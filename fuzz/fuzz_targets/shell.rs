//! Any script and any words have an answer, on the stack of an ordinary thread.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wardline::classify::shell;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    wardline_fuzz::on_a_small_stack(|| {
        let done = shell::script(text);
        assert!(!done.acts.is_empty());
        assert_eq!(done, shell::script(text));
        let words: Vec<&str> = text.split(' ').collect();
        assert!(!shell::argv(&words).acts.is_empty());
    });
});
