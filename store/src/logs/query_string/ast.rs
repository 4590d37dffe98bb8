/// A parsed query text.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `*`: every document.
    All,
    /// One condition; without field it is asked of the default fields. The field may hold `*`.
    Leaf {
        /// Dotted path, if one was given.
        field: Option<String>,
        /// What is asked of it.
        leaf: Leaf,
    },
    /// Several conditions. Empty: nothing matches.
    Group(Vec<Clause>),
    /// Scores multiplied.
    Boosted(Box<Node>, f32),
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// Whether it must match.
    pub occur: Occur,
    /// The condition.
    pub node: Node,
}

/// Whether a clause must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occur {
    /// It must.
    Must,
    /// It may; in a group without `Must`, one of these has to.
    Should,
    /// It must not.
    MustNot,
}

/// A single condition on a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaf {
    /// A word, unescaped.
    Term(String),
    /// Words next to each other.
    Phrase {
        /// The text between the quotes, unescaped.
        text: String,
        /// How many moves of words are forgiven.
        slop: Option<u32>,
    },
    /// A word with `*` and `?`; these and the backslash are escaped by a backslash where meant literally.
    Wildcard(String),
    /// A regular expression.
    Regex(String),
    /// A word and what is similar.
    Fuzzy {
        /// The word, unescaped.
        text: String,
        /// Edits allowed; `None`: by length.
        edits: Option<u8>,
    },
    /// Values between two ends; each is a text and whether the end belongs to the range.
    Range {
        /// Lower end; open if absent.
        lower: Option<(String, bool)>,
        /// Upper end; open if absent.
        upper: Option<(String, bool)>,
    },
    /// Documents that have the field.
    Exists,
}

impl Node {
    /// A group, or its only member when grouping adds nothing.
    pub(super) fn group(mut clauses: Vec<Clause>) -> Self {
        if clauses.len() == 1
            && clauses[0].occur != Occur::MustNot
            && let Some(only) = clauses.pop()
        {
            return only.node;
        }
        Self::Group(clauses)
    }

    /// The node with its scores multiplied; by 1 is left out.
    pub(super) fn boosted(self, boost: Option<f32>) -> Self {
        match boost {
            None | Some(1.0) => self,
            Some(boost) => Self::Boosted(Box::new(self), boost),
        }
    }
}
