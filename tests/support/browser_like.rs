//! A person at a browser, as far as the server can tell: cookies kept, forms sent with an `Origin`,
//! redirects followed, a telephone that computes codes. No page is drawn; `tests/browser/` does that.

use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use totp_rs::{Builder, Secret};

use super::api::{Answer, Caller, Sent};

pub struct BrowserLike {
    caller: Caller,
    /// The secret on the telephone, and the last thirty seconds for which a code was used.
    telephone: Option<(String, u64)>,
}

impl BrowserLike {
    /// `base` is the server's address, without a company.
    pub fn new(base: &str) -> BrowserLike {
        BrowserLike { caller: Caller::with_cookies(base), telephone: None }
    }

    /// The same browser, which asks for this host name.
    pub fn under(base: &str, host: &str) -> BrowserLike {
        BrowserLike { caller: Caller::with_cookies(base).and_header("Host", host), telephone: None }
    }

    /// Signs in with company, e-mail and password; then, as the server asks, enrols a telephone or gives a code.
    /// The answer is the page one arrives at.
    #[track_caller]
    pub fn sign_in(&mut self, company: &str, email: &str, password: &str) -> Answer {
        let page = self.give_password(company, email, password);
        if page.text().contains("id=\"totp-secret\"") {
            return self.enrol(page);
        }
        if page.text().contains("name=\"code\"") {
            let code = self.code();
            let page = self.send_form(&page, [("code", code.as_str())]);
            return page.expect(200);
        }
        page.expect(200)
    }

    /// The first of the two steps alone.
    pub fn give_password(&mut self, company: &str, email: &str, password: &str) -> Answer {
        // Under a company's own host name the address does not name it.
        let address = if company.is_empty() { "/login".into() } else { format!("/{company}/login") };
        let answer = self.post(&address, [("company", company), ("email", email), ("password", password)]);
        self.follow(answer)
    }

    #[track_caller]
    fn enrol(&mut self, page: Answer) -> Answer {
        let text = page.text();
        let secret = text
            .split_once("id=\"totp-secret\"")
            .and_then(|(_, after)| after.split_once('>'))
            .and_then(|(_, inner)| inner.split_once('<'))
            .map(|(secret, _)| secret.split_whitespace().collect::<String>())
            .unwrap_or_else(|| panic!("no secret in {page}"));
        self.telephone = Some((secret, 0));
        let code = self.code();
        self.send_form(&page, [("code", code.as_str())]).expect(200)
    }

    /// A code that was not used yet. The server takes the code of the next half minute too, so this seldom waits.
    #[track_caller]
    pub fn code(&mut self) -> String {
        let (secret, last) = self.telephone.as_mut().expect("a telephone was enrolled");
        let step = (*last + 1).max(half_minute());
        while step > half_minute() + 1 {
            sleep(Duration::from_millis(200));
        }
        *last = step;
        code_at(secret, step * 30)
    }

    /// The secret on the telephone, in base 32.
    pub fn secret(&self) -> Option<&str> {
        self.telephone.as_ref().map(|(secret, _)| secret.as_str())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.caller.get(path)
    }

    /// Sends a form. The answer is the server's own, a redirect is not followed.
    pub fn post(&self, path: &str, form: impl Into<Sent>) -> Answer {
        let headers = [("Origin", self.caller.base()), ("Sec-Fetch-Site", "same-origin")];
        self.caller.call_saying("POST", path, form, &headers)
    }

    /// Sends a form that does something, and looks at the address its answer leads to.
    #[track_caller]
    pub fn done(&self, path: &str, form: impl Into<Sent>) -> Answer {
        let answer = self.post(path, form).expect(303);
        self.follow(answer).expect(200)
    }

    /// Fills in the one form a page has, and goes where it leads.
    #[track_caller]
    pub fn send_form<const N: usize>(&self, page: &Answer, fields: [(&str, &str); N]) -> Answer {
        let answer = self.post(&action_of(page), fields);
        self.follow(answer)
    }

    /// Goes where an answer leads, up to five times.
    pub fn follow(&self, mut answer: Answer) -> Answer {
        for _ in 0..5 {
            if !matches!(answer.status, 301..=303 | 307 | 308) {
                break;
            }
            answer = self.get(answer.location());
        }
        answer
    }

    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

/// The code a telephone shows at this time (seconds since 1970), by RFC 6238 with its defaults.
pub fn code_at(secret: &str, time: u64) -> String {
    let secret = Secret::try_from_base32(secret).expect("a secret in base 32");
    let telephone = Builder::new().with_secret(secret).build_noncompliant();
    telephone.generate(time).to_string()
}

fn half_minute() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    now.as_secs() / 30
}

/// Where the page's form leads: the `action` of the form in `<main>` that holds the code's field, or the page itself.
fn action_of(page: &Answer) -> String {
    let text = page.text();
    let before_field = text.find("name=\"code\"").map_or(text.as_str(), |at| &text[..at]);
    let form = before_field.rfind("<form").map(|at| &before_field[at..]);
    let action = form
        .and_then(|form| form.split_once('>'))
        .and_then(|(tag, _)| tag.split_once("action=\""))
        .and_then(|(_, after)| after.split_once('"'))
        .map(|(action, _)| action.to_string())
        .filter(|action| !action.is_empty());
    action.unwrap_or_else(|| page.asked.split_once(' ').map_or_else(String::new, |(_, address)| address.to_string()))
}
