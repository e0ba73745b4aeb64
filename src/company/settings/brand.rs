//! The company's face: a name, a logo and a colour that its pages and its sign-in page show. A logo is decoded and drawn
//! anew, so that nothing that hides in a file is kept; a colour is made readable on light and dark pages.

use super::{rules, sql};
use crate::{
    base::{
        error::{Error, Fields, Result},
        names,
    },
    company::access::{Event, Granted, Proof, permissions::ConfigureServer},
};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::Cursor;

/// The largest file that is taken for a logo, in bytes.
pub const LARGEST_LOGO: usize = 256 * 1024;
/// The longest side of a logo, in dots.
const LONGEST_SIDE: u32 = 1024;

/// What is shown in place of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Brand {
    /// In place of the company's name.
    pub name: Option<String>,
    /// The accent colour, `#rrggbb`.
    pub accent: Option<String>,
    /// Whether tenants' own people are told in the portal what it is made with.
    pub names_product: bool,
}

/// Changes name and colour.
///
/// # Errors
/// `Invalid` by field; `Conflict` as [`super::still`].
pub fn change_brand(
    granted: &Granted<'_, ConfigureServer>,
    made_from: Option<&Brand>,
    wished: &Brand,
) -> Result<Brand> {
    let given =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let mut wrong = Fields::new();
    let name = given(&wished.name).and_then(|text| wrong.check("Name", names::name(&text, 60)));
    let accent = given(&wished.accent).and_then(|text| {
        let colour = Colour::parse(&text).ok_or_else(|| "Give a colour such as #0b6478.".to_owned());
        wrong.check("Accent", colour).map(|colour| colour.hex())
    });
    wrong.finish()?;
    let after = Brand { name, accent, names_product: wished.names_product };
    let done = granted.write_asking(Proof::Nothing, |tx| {
        let present = rules(tx)?;
        let before =
            Brand { name: present.brand_name, accent: present.brand_accent, names_product: present.names_product };
        super::still(made_from, &before)?;
        if before == after {
            return tx.unchanged(tx.changes(), after);
        }
        sql::set_brand(tx, &after)?;
        tx.record(
            Event::new("SettingsChanged").say("The company's face was changed").difference(&before, &after),
            after,
        )
    })?;
    granted.visitor().company().changed()?;
    Ok(done)
}

/// Sets the logo from a PNG file.
///
/// # Errors
/// `Invalid` for what is no PNG, is too large, or has too many dots.
pub fn set_logo(granted: &Granted<'_, ConfigureServer>, file: &[u8]) -> Result<()> {
    let drawn = redrawn(file).map_err(|message| Error::invalid("Logo", message))?;
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&drawn)[..8]);
    granted.write_asking(Proof::Nothing, |tx| {
        sql::set_logo(tx, Some((&drawn, &digest)))?;
        tx.record(
            Event::new("SettingsChanged").say("The company's logo was changed").detail("Logo", digest.as_str()),
            (),
        )
    })?;
    granted.visitor().company().changed()
}

/// Takes the logo away.
pub fn remove_logo(granted: &Granted<'_, ConfigureServer>) -> Result<()> {
    granted.write_asking(Proof::Nothing, |tx| {
        if rules(tx)?.brand_logo.is_none() {
            return tx.unchanged(tx.changes(), ());
        }
        sql::set_logo(tx, None)?;
        tx.record(Event::new("SettingsChanged").say("The company's logo was removed"), ())
    })?;
    granted.visitor().company().changed()
}

/// Decodes the picture and encodes its dots, without anything else that was in the file.
fn redrawn(file: &[u8]) -> std::result::Result<Vec<u8>, String> {
    const NO_PNG: &str = "This is no PNG picture that can be read.";
    if file.is_empty() {
        return Err("Choose a PNG picture.".into());
    }
    if file.len() > LARGEST_LOGO {
        return Err(format!("Use a file of at most {}.", names::bytes(LARGEST_LOGO as u64)));
    }
    let limits = png::Limits { bytes: 32 * 1024 * 1024 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(file), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(|_| NO_PNG)?;
    let (width, height) = (reader.info().width, reader.info().height);
    if !(16..=LONGEST_SIDE).contains(&width) || !(16..=LONGEST_SIDE).contains(&height) {
        return Err(format!(
            "Use a picture of 16 to {LONGEST_SIDE} dots on each side; this one has {width} × {height}."
        ));
    }
    let mut dots = vec![0; reader.output_buffer_size().ok_or(NO_PNG)?];
    let frame = reader.next_frame(&mut dots).map_err(|_| NO_PNG)?;
    let mut drawn = Vec::new();
    let mut encoder = png::Encoder::new(&mut drawn, width, height);
    encoder.set_color(frame.color_type);
    encoder.set_depth(frame.bit_depth);
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(dots.get(..frame.buffer_size()).unwrap_or_default()));
    written.map_err(|_| NO_PNG)?;
    Ok(drawn)
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Colour([f64; 3]);

impl Colour {
    const WHITE: Colour = Colour([255.0; 3]);
    /// The lightest ground of the dark pages.
    const DARK: Colour = Colour([28.0, 36.0, 41.0]);

    fn parse(text: &str) -> Option<Colour> {
        let hex = text.strip_prefix('#')?.to_ascii_lowercase();
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?;
        let [r, g, b] = <[u8; 3]>::try_from(bytes).ok()?;
        Some(Colour([f64::from(r), f64::from(g), f64::from(b)]))
    }
    fn hex(self) -> String {
        let [r, g, b] = self.0.map(|part| part.round().clamp(0.0, 255.0) as u8);
        format!("#{r:02x}{g:02x}{b:02x}")
    }
    fn mixed(self, other: Colour, share: f64) -> Colour {
        let mut parts = self.0;
        for (part, with) in parts.iter_mut().zip(other.0) {
            *part += (with - *part) * share;
        }
        Colour(parts)
    }
    /// Relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|part| {
            let part = part / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
    fn contrast(self, other: Colour) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
    /// Moved towards `end` in small steps until it can be read on `ground` and on its own soft shade.
    fn readable(self, ground: Colour, end: Colour) -> Colour {
        let soft = self.mixed(ground, 0.88);
        let steps = (0..=50).map(|step| self.mixed(end, f64::from(step) / 50.0));
        let fits = |colour: &Colour| colour.contrast(ground) >= 4.6 && colour.contrast(soft) >= 4.6;
        steps.into_iter().find(fits).unwrap_or(end)
    }
}

/// A company's accent colour as its pages use it, each shade readable where it stands (contrast of at least 4.5 : 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shades {
    /// On light pages.
    pub light: String,
    /// On dark pages.
    pub dark: String,
    /// The style sheet that puts them in the place of our own.
    pub sheet: String,
}

impl Shades {
    /// From `#rrggbb`; `None` for what is no colour.
    pub fn of(accent: &str) -> Option<Shades> {
        let chosen = Colour::parse(accent)?;
        let black = Colour([0.0; 3]);
        let light = chosen.readable(Colour::WHITE, black);
        let dark = chosen.readable(Colour::DARK, Colour::WHITE);
        let on_dark = chosen.mixed(black, 0.85);
        let on_dark = if on_dark.contrast(dark) >= 4.5 { on_dark } else { black };
        let pair = |name: &str, l: Colour, d: Colour| format!("--{name}:light-dark({},{});", l.hex(), d.hex());
        let sheet = format!(
            ":root{{{}{}{}{}}}\n",
            pair("accent", light, dark),
            pair("accent-hover", light.mixed(black, 0.2), dark.mixed(Colour::WHITE, 0.25)),
            pair("on-accent", Colour::WHITE, on_dark),
            pair("accent-soft", chosen.mixed(Colour::WHITE, 0.88), chosen.mixed(Colour::DARK, 0.88)),
        );
        Some(Shades { light: light.hex(), dark: dark.hex(), sheet })
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    pub fn drawn(width: u32, height: u32, text: bool) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        if text {
            encoder.add_text_chunk("Comment".into(), "<script>alert(1)</script>".into()).unwrap();
        }
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![120; (width * height * 3) as usize]).unwrap();
        drop(writer);
        file
    }

    pub fn redrawn_of(file: &[u8]) -> std::result::Result<Vec<u8>, String> {
        redrawn(file)
    }

    pub fn contrasts(accent: &str) -> (f64, f64) {
        let shades = Shades::of(accent).unwrap();
        let of = |hex: &str| Colour::parse(hex).unwrap();
        (of(&shades.light).contrast(Colour::WHITE), of(&shades.dark).contrast(Colour::DARK))
    }
}
