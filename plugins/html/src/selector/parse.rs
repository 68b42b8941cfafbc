//! Reads selectors, with the errors of Node-RED's library.

use super::attribute::{AttributeTest, Operator};
use super::nth::Nth;
use super::position::Position;
use super::{Combinator, Selector, Token, alias};

/// The maximum length of a list of selectors, in bytes.
const LONGEST: usize = 16 << 10;

/// The maximum number of selectors within each other.
const DEEPEST: usize = 32;

/// # Errors
/// If the text is no list of selectors.
pub(super) fn selectors(text: &str) -> Result<Vec<Selector>, String> {
    if text.len() > LONGEST {
        return Err(format!("the selector is longer than {LONGEST} bytes"));
    }
    read(text, 0)
}

fn read(text: &str, depth: usize) -> Result<Vec<Selector>, String> {
    let mut reader = Reader { text, rest: text, depth };
    let selectors = reader.list()?;
    if reader.rest.is_empty() {
        Ok(selectors)
    } else {
        Err(format!("Unmatched selector: {}", reader.rest))
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{c}' | '\r')
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || c >= '\u{b0}'
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// The selectors up to the end, or to something that belongs to none.
    fn list(&mut self) -> Result<Vec<Selector>, String> {
        let (mut list, mut tokens) = (Vec::new(), Vec::new());
        self.skip_space();
        if self.rest.is_empty() {
            return Ok(list);
        }
        loop {
            if self.skip(",") {
                list.push(finished(std::mem::take(&mut tokens))?);
                self.skip_space();
            } else if self.rest.starts_with("/*") {
                self.skip_comment()?;
            } else if !self.token(&mut tokens)? {
                break;
            }
        }
        list.push(finished(tokens)?);
        Ok(list)
    }

    /// Reads one token; returns whether there is one.
    fn token(&mut self, tokens: &mut Selector) -> Result<bool, String> {
        let Some(first) = self.rest.chars().next() else { return Ok(false) };
        match first {
            c if is_space(c) => {
                self.skip_space();
                if !tokens.is_empty() {
                    add_combinator(tokens, Combinator::Descendant)?;
                }
            }
            '>' => self.combinator(tokens, Combinator::Child)?,
            '<' => self.combinator(tokens, Combinator::Parent)?,
            '~' => self.combinator(tokens, Combinator::Sibling)?,
            '+' => self.combinator(tokens, Combinator::Adjacent)?,
            '.' => tokens.push(self.named_attribute("class", Operator::Word)?),
            '#' => tokens.push(self.named_attribute("id", Operator::Equals)?),
            '[' => tokens.push(self.attribute()?),
            ':' => tokens.push(self.pseudo()?),
            '*' | '|' => tokens.push(self.universal()?),
            c if is_of_name(c) || c == '\\' => {
                let name = self.name()?;
                if self.rest.starts_with('|') {
                    return Err("Namespaced tag names are not yet supported by css-select".into());
                }
                tokens.push(Token::Tag(name.to_lowercase()));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn skip(&mut self, mark: &str) -> bool {
        let rest = self.rest.strip_prefix(mark);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches(is_space);
    }

    fn skip_first(&mut self) {
        let mut characters = self.rest.chars();
        characters.next();
        self.rest = characters.as_str();
    }

    fn skip_comment(&mut self) -> Result<(), String> {
        let (_, rest) = self.rest.split_once("*/").ok_or("Comment was not terminated")?;
        self.rest = rest;
        Ok(())
    }

    fn combinator(&mut self, tokens: &mut Selector, combinator: Combinator) -> Result<(), String> {
        self.skip_first();
        self.skip_space();
        add_combinator(tokens, combinator)
    }

    fn universal(&mut self) -> Result<Token, String> {
        if self.rest.starts_with("||") {
            return Err("Column combinators are not yet supported by css-select".into());
        }
        // Any namespace, or none.
        let _is_named = self.skip("*|*") || self.skip("|*") || self.skip("*");
        if self.skip("|") {
            return Err("Namespaced tag names are not yet supported by css-select".into());
        }
        Ok(Token::Everything)
    }

    /// A name after a mark such as `.`.
    fn name_after_mark(&mut self) -> Result<String, String> {
        let start = self.rest;
        self.skip_first();
        self.name().map_err(|_| format!("Expected name, found {start}"))
    }

    /// A name, with its escapes replaced.
    fn name(&mut self) -> Result<String, String> {
        let (start, mut name) = (self.rest, String::new());
        while let Some(c) = self.rest.chars().next() {
            if c == '\\' {
                self.skip_first();
                self.escape(&mut name);
            } else if is_of_name(c) {
                self.skip_first();
                name.push(c);
            } else {
                break;
            }
        }
        if name.is_empty() { Err(format!("Expected name, found {start}")) } else { Ok(name) }
    }

    /// The character that an escape stands for, after its backslash.
    fn escape(&mut self, to: &mut String) {
        let digits = self.rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        let (number, rest) = self.rest.split_at_checked(digits).unwrap_or_default();
        match u32::from_str_radix(number, 16) {
            Ok(number) => {
                self.rest = rest.strip_prefix(is_space).unwrap_or(rest);
                to.push(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Err(_) => {
                to.extend(self.rest.chars().next());
                self.skip_first();
            }
        }
    }

    fn named_attribute(&mut self, name: &str, operator: Operator) -> Result<Token, String> {
        let value = self.name_after_mark()?;
        Ok(Token::Attribute(AttributeTest::new(name, operator, value, Some(false))))
    }

    fn attribute(&mut self) -> Result<Token, String> {
        self.skip_first();
        self.skip_space();
        let _any_namespace = self.skip("*|") || self.skip("|");
        let name = self.name()?;
        self.skip_space();
        let operator = self.operator()?;
        let (mut value, mut any_case) = (String::new(), None);
        if operator != Operator::Exists {
            self.skip_space();
            value = self.value()?;
            self.skip_space();
            any_case = self.case_flag();
        }
        if !self.skip("]") {
            return Err("Attribute selector didn't terminate".into());
        }
        Ok(Token::Attribute(AttributeTest::new(&name, operator, value, any_case)))
    }

    fn operator(&mut self) -> Result<Operator, String> {
        let operator = match self.rest.chars().next() {
            Some('=') => Operator::Equals,
            Some('!') => Operator::Not,
            Some('~') => Operator::Word,
            Some('|') => Operator::Hyphen,
            Some('^') => Operator::Start,
            Some('$') => Operator::End,
            Some('*') => Operator::Any,
            _ => return Ok(Operator::Exists),
        };
        if operator != Operator::Equals {
            self.skip_first();
        }
        if self.skip("=") { Ok(operator) } else { Err("Expected `=`".into()) }
    }

    fn value(&mut self) -> Result<String, String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        if quote.is_some() {
            self.skip_first();
        }
        let mut value = String::new();
        loop {
            let Some(c) = self.rest.chars().next() else {
                return match quote {
                    Some(_) => Err("Attribute value didn't end".into()),
                    None => Ok(value),
                };
            };
            match (c, quote) {
                ('\\', _) => {
                    self.skip_first();
                    self.escape(&mut value);
                    continue;
                }
                (c, Some(quote)) if c == quote => {
                    self.skip_first();
                    return Ok(value);
                }
                (c, None) if c == ']' || is_space(c) => return Ok(value),
                (c, _) => value.push(c),
            }
            self.skip_first();
        }
    }

    /// `i` or `s` after a value.
    fn case_flag(&mut self) -> Option<bool> {
        let any_case = match self.rest.chars().next()? {
            'i' | 'I' => true,
            's' | 'S' => false,
            _ => return None,
        };
        self.skip_first();
        self.skip_space();
        Some(any_case)
    }

    fn pseudo(&mut self) -> Result<Token, String> {
        if self.rest.starts_with("::") {
            return Err("Pseudo-elements are not supported by css-select".into());
        }
        let name = self.name_after_mark()?.to_lowercase();
        if !self.rest.starts_with('(') {
            return self.plain_pseudo(&name, None);
        }
        let wrap = match name.as_str() {
            "is" | "matches" | "where" => Token::Is,
            "not" => Token::Not,
            "has" => Token::Has,
            _ => {
                let argument = self.argument()?;
                return self.plain_pseudo(&name, Some(argument));
            }
        };
        self.skip_first();
        if self.rest.starts_with(['"', '\'']) {
            return Err(format!("Pseudo-selector {name} cannot be quoted"));
        }
        let list = self.inner()?;
        if !self.skip(")") {
            return Err(format!("Missing closing parenthesis in :{name} ({})", self.text));
        }
        check_positions(&name, &list)?;
        Ok(wrap(list))
    }

    /// The selectors within parentheses.
    fn inner(&mut self) -> Result<Vec<Selector>, String> {
        if self.depth >= DEEPEST {
            return Err(format!(
                "the selector has more than {DEEPEST} selectors within each other"
            ));
        }
        self.depth += 1;
        let list = self.list();
        self.depth -= 1;
        list
    }

    /// What is within parentheses.
    fn argument(&mut self) -> Result<String, String> {
        self.skip_first();
        let (mut argument, mut open) = (String::new(), 1);
        while let Some(c) = self.rest.chars().next() {
            self.skip_first();
            match c {
                '\\' => {
                    self.escape(&mut argument);
                    continue;
                }
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return Ok(argument);
            }
            argument.push(c);
        }
        Err("Parenthesis not matched".into())
    }

    fn plain_pseudo(&self, name: &str, argument: Option<String>) -> Result<Token, String> {
        if let Some(position) = Position::named(name, argument.as_deref()) {
            return Ok(Token::Position(position));
        }
        let Some(argument) = argument else { return self.without_argument(name) };
        if let Some((of_type, from_end)) = nth_kind(name) {
            return Nth::parse(&argument, of_type, from_end).map(Token::Nth);
        }
        match name {
            "contains" => Ok(contains(&argument, false)),
            "icontains" => Ok(contains(&argument, true)),
            name if alias::selector(name).is_some() => {
                Err(format!("Pseudo {name} doesn't have any arguments"))
            }
            name if structural(name).is_some() => {
                Err(format!("pseudo-selector :{name} doesn't have any arguments"))
            }
            name => Err(format!("unmatched pseudo-class :{name}")),
        }
    }

    fn without_argument(&self, name: &str) -> Result<Token, String> {
        if let Some(selector) = alias::selector(name) {
            return read(selector, self.depth).map(Token::Is);
        }
        match name {
            // Nothing is known of what a user does, and no text is asked for.
            "active" | "hover" | "visited" | "contains" | "icontains" => Ok(Token::Nothing),
            "root" | "scope" => Ok(Token::Root),
            name if nth_kind(name).is_some() => {
                Err(format!("pseudo-selector :{name} requires an argument"))
            }
            name => structural(name).ok_or_else(|| format!("unmatched pseudo-class :{name}")),
        }
    }
}

/// Whether places are those among siblings with the same tag, and whether they count from the end.
fn nth_kind(name: &str) -> Option<(bool, bool)> {
    match name {
        "nth-child" => Some((false, false)),
        "nth-last-child" => Some((false, true)),
        "nth-of-type" => Some((true, false)),
        "nth-last-of-type" => Some((true, true)),
        _ => None,
    }
}

/// What is the same as a place among siblings, or of them.
fn structural(name: &str) -> Option<Token> {
    let only = |of_type| {
        let ends = [false, true].map(|end| Token::Nth(Nth::first(of_type, end)));
        Token::Is(vec![Vec::from(ends)])
    };
    Some(match name {
        "empty" => Token::Empty,
        "first-child" => Token::Nth(Nth::first(false, false)),
        "last-child" => Token::Nth(Nth::first(false, true)),
        "first-of-type" => Token::Nth(Nth::first(true, false)),
        "last-of-type" => Token::Nth(Nth::first(true, true)),
        "only-child" => only(false),
        "only-of-type" => only(true),
        _ => return None,
    })
}

fn contains(text: &str, any_case: bool) -> Token {
    let quoted =
        ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    let text = quoted.unwrap_or(text);
    Token::Contains { text: if any_case { text.to_lowercase() } else { text.to_owned() }, any_case }
}

/// Positions are of elements that are selected, and within `:is` and `:has` none are.
fn check_positions(name: &str, list: &[Selector]) -> Result<(), String> {
    if name != "not" && list.iter().flatten().any(Token::is_position) {
        return Err(format!("positions such as :first are not possible within :{name}"));
    }
    Ok(())
}

fn add_combinator(tokens: &mut Selector, combinator: Combinator) -> Result<(), String> {
    match tokens.last_mut() {
        Some(Token::Combinator(last)) if *last == Combinator::Descendant => *last = combinator,
        Some(Token::Combinator(_)) if combinator == Combinator::Descendant => {}
        Some(Token::Combinator(_)) => return Err("Did not expect successive traversals.".into()),
        _ => tokens.push(Token::Combinator(combinator)),
    }
    Ok(())
}

fn finished(mut tokens: Selector) -> Result<Selector, String> {
    if let Some(Token::Combinator(Combinator::Descendant)) = tokens.last() {
        tokens.pop();
    }
    if tokens.is_empty() { Err("Empty sub-selector".into()) } else { Ok(tokens) }
}
