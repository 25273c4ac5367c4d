//! Prints the OpenAPI document of the API.

use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut text = app_api::document().to_pretty_json()?;
    text.push('\n');
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
