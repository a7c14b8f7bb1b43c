//! The scores of the example `wasm`, for a host to call.

#[path = "../../../examples/wasm.rs"]
#[allow(dead_code, reason = "its main is not called here")]
mod example;

/// The first score or the second; NaN where there is an error.
#[unsafe(no_mangle)]
pub extern "C" fn score(place: u32) -> f64 {
    let scores = example::scores().unwrap_or([f64::NAN; 2]);
    scores[place as usize]
}
