//! What a new password must be: long enough, and not among what guessers try first. No rules on which characters.
//!
//! Guessing is estimated offline by `zxcvbn`: 30,000 common passwords, common words and names, spelt backwards or with
//! digits for letters, rows of keys, repeats, sequences and dates, alone or joined; beside them the words of the place:
//! the company, the person, the product.

use super::hashing::normal;
use crate::base::secret::Secret;
use zxcvbn::matching::patterns::MatchPattern;

/// The longest password, in characters.
pub const LONGEST: usize = 128;
/// A password that is found within so many guesses (as a power of ten) is refused.
const GUESSES: f64 = 8.0;
/// Beside names that are known here there have to be this many letters or digits.
const BESIDE_NAMES: usize = 6;

/// Checks a password that somebody chose. `about` are texts that somebody who guesses knows: names, addresses, slugs.
///
/// # Errors
/// A sentence that says what to choose instead.
pub fn check_choice(password: &Secret, shortest: usize, about: &[&str]) -> Result<(), String> {
    let password = normal(password);
    let text = password.expose();
    let length = text.chars().count();
    if length < shortest {
        return Err(format!("Use at least {shortest} characters."));
    }
    if length > LONGEST {
        return Err(format!("Use at most {LONGEST} characters."));
    }
    let words = words(about);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let found = zxcvbn::zxcvbn(text, &words);
    let made_of_names = rest_beside(text, &words) < BESIDE_NAMES;
    if found.guesses_log10() >= GUESSES && !made_of_names {
        return Ok(());
    }
    let known_here = made_of_names
        || found.sequence().iter().any(|part| match &part.pattern {
            MatchPattern::Dictionary(word) => words.iter().any(|known| known.eq_ignore_ascii_case(&word.matched_word)),
            _ => false,
        });
    let why = if known_here {
        "it is made of names that are known here"
    } else {
        "it is made of what guessers try first: common passwords, rows of keys, repeats or dates"
    };
    Err(format!(
        "This password is easy to guess: {why}. Choose another, such as four words that do not belong together."
    ))
}

/// How many letters and digits are left of a password when the words that are known here are taken out of it, however
/// often they stand in it. Digits and signs in the place of letters are read as those.
fn rest_beside(text: &str, words: &[&str]) -> usize {
    let as_letter = |c: char| match c {
        '4' | '@' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    let plain: String = text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let read: String = text.to_lowercase().chars().map(as_letter).filter(|c| c.is_alphanumeric()).collect();
    let mut longest_first: Vec<String> =
        words.iter().map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect()).collect();
    longest_first.sort_by_key(|word: &String| std::cmp::Reverse(word.len()));
    let rest = |text: String| {
        let mut known = false;
        let mut text = text;
        for word in longest_first.iter().filter(|word| !word.is_empty()) {
            known |= text.contains(word.as_str());
            // What stood on both sides does not become a word.
            text = text.replace(word.as_str(), "\0");
        }
        if known { text.chars().filter(|c| *c != '\0').count() } else { usize::MAX }
    };
    rest(plain).min(rest(read))
}

/// The words in what is known of a person and their company, and each text as a whole.
fn words(about: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = ["bulkhead", "deploy", "deployment", "release"].map(str::to_owned).to_vec();
    for text in about {
        let text = text.to_lowercase();
        let letters: String = text.chars().filter(|c| c.is_alphanumeric()).collect();
        words.extend(
            text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2).map(str::to_owned),
        );
        words.extend([text.trim().to_owned(), letters]);
    }
    words.retain(|word| word.chars().count() > 2);
    words.sort();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: [&str; 4] = ["harbour-logistics", "Harbour Logistics Ltd", "Ada Kowalewska", "ada.k@harbour.example"];
    fn refusal(password: &str) -> Option<String> {
        check_choice(&Secret::new(password), 12, &ABOUT).err()
    }

    #[test]
    fn sentences_and_random_letters_are_welcome() {
        for good in [
            "correct horse battery",
            "correct horse of harbour",
            "a long enough password",
            "lantern copper seven boats",
            "the long password of ben",
            "xkq7vz0mtrwp",
            "ich gehe heute nicht ins Kino",
            "   spaces   around   ",
            "ñandú über Ærø 京都 🚢",
        ] {
            assert_eq!(refusal(good), None, "{good}");
        }
    }

    #[test]
    fn what_guessers_try_first_is_refused() {
        for bad in [
            "password1234",
            "passwordpassword",
            "P@ssw0rd12345",
            "qwertyuiop[]",
            "1qaz2wsx3edc",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "123456789012",
            "abcdefghijklmnop",
            "iloveyou1234",
            "letmein12345",
            "drowssap4321",
            "administrator1",
        ] {
            assert!(refusal(bad).is_some_and(|said| said.contains("guessers try first")), "{bad}: {:?}", refusal(bad));
        }
    }

    #[test]
    fn names_that_are_known_here_are_refused() {
        for bad in [
            "harbour12345",
            "Kowalewska2026",
            "harbourlogistics",
            "adakowalewska1",
            "Bulkhead2026!",
            "ada.k@harbour.example",
            "h4rb0urh4rb0ur",
            // Findings J10: in any number of repetitions.
            "harbour-logistics harbour-logistics",
            "Harbour Logistics Ltd, Harbour Logistics Ltd!",
            "ada.k ada.k ada.k@harbour harbour",
            "h4rb0ur L0gistics harbour logistics",
            "kowalewska-harbour-kowalewska-2026",
            "logistics deploy harbour bulkhead",
        ] {
            assert!(refusal(bad).is_some_and(|said| said.contains("known here")), "{bad}: {:?}", refusal(bad));
        }
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(refusal("xkq7vz0mtrw").as_deref(), Some("Use at least 12 characters."));
        assert_eq!(refusal(&"äöüß京都-x7".repeat(15)).as_deref(), Some("Use at most 128 characters."));
        assert_eq!(
            check_choice(&Secret::new("xkq7vz0mtrwp"), 16, &[]).err().as_deref(),
            Some("Use at least 16 characters.")
        );
        // Two marks that make one letter are one character.
        assert!(refusal("e\u{301}x7!mq2Zo\u{308}rk0w").is_none());
        assert_eq!(refusal(&"e\u{301}".repeat(11)).as_deref(), Some("Use at least 12 characters."));
    }
}
