//! What the frames of pages know of the portal, and of pages that name neither company nor product.

use super::{Bare, Frame, Tab};

/// What stands around a page of the portal, in place of menus.
#[derive(Clone, Debug, Default)]
pub struct PortalFrame {
    /// The tenants one may switch between; empty for one.
    pub tenants: Vec<Tab>,
    /// What it is made with is told.
    pub names_product: bool,
}

impl Frame {
    /// Where the company's name leads.
    pub fn home(&self) -> String {
        match (&self.portal, self.base()) {
            (Some(_), base) => format!("{base}/portal"),
            (None, "") => "/".into(),
            (None, base) => base.to_owned(),
        }
    }
}

impl Bare {
    /// Whether it is the product's own page: set-up, and the sign-in of no company in particular.
    pub fn is_products(&self) -> bool {
        self.company_name.is_empty() && !self.quiet && !self.neutral
    }
    /// A page at a company's address that does not say whose it is: nor does it name the product.
    pub fn neutral(self) -> Self {
        Bare { neutral: true, ..self }
    }
    pub fn quiet(self) -> Self {
        Bare { quiet: true, ..self }
    }
}
