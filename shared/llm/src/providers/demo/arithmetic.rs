//! Simple arithmetic: `+ - * /`, brackets, decimals. Reads a question such as `what is 2 + 2?`.

/// Most brackets and signs within each other; keeps the recursion shallow.
const MAX_DEPTH: u32 = 32;

/// The value in words, or why there is none; `None` when the text is no sum.
pub(super) fn answer(text: &str) -> Option<String> {
    let sum = text.trim().trim_end_matches(['?', '=', '.', ' ']);
    let sum = ["what is", "what's", "calculate", "compute"]
        .iter()
        .find_map(|question| super::commands::after(sum, question))
        .unwrap_or(sum);
    let of_a_sum = |c: char| c.is_ascii_digit() || " .+-*/×÷()".contains(c);
    let is_sum = sum.len() <= 200
        && sum.chars().all(of_a_sum)
        && sum.contains(|c: char| c.is_ascii_digit())
        && sum.contains(['+', '-', '*', '/', '×', '÷']);
    if !is_sum {
        return None;
    }
    let sum = sum.replace('×', "*").replace('÷', "/");
    let mut reader = Reader { rest: sum.trim(), depth: 0 };
    let value = reader.sum().filter(|_| reader.rest.is_empty())?;
    Some(if value.is_finite() {
        // Ten digits hide the dust of binary fractions: 0.1 + 0.2 is 0.3.
        let rounded = format!("{value:.10}");
        let shown = rounded.trim_end_matches('0').trim_end_matches('.');
        format!("{sum} = **{}**", if shown == "-0" { "0" } else { shown })
    } else {
        format!("{sum} has no value: it divides by zero or is too large.")
    })
}

struct Reader<'a> {
    rest: &'a str,
    depth: u32,
}

impl Reader<'_> {
    fn sum(&mut self) -> Option<f64> {
        let mut value = self.product()?;
        loop {
            if self.eat('+') {
                value += self.product()?;
            } else if self.eat('-') {
                value -= self.product()?;
            } else {
                return Some(value);
            }
        }
    }

    fn product(&mut self) -> Option<f64> {
        let mut value = self.factor()?;
        loop {
            if self.eat('*') {
                value *= self.factor()?;
            } else if self.eat('/') {
                value /= self.factor()?;
            } else {
                return Some(value);
            }
        }
    }

    fn factor(&mut self) -> Option<f64> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let value = if self.eat('-') {
            self.factor().map(|value| -value)
        } else if self.eat('(') {
            self.sum().filter(|_| self.eat(')'))
        } else {
            self.number()
        };
        self.depth -= 1;
        value
    }

    fn number(&mut self) -> Option<f64> {
        let end = self.rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.trim_start();
        digits.parse().ok()
    }

    fn eat(&mut self, sign: char) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::answer;

    fn check(text: &str, expect: Expect) {
        expect.assert_eq(answer(text).as_deref().unwrap_or("no sum"));
    }

    #[test]
    fn sums_follow_the_usual_order() {
        check("2 + 3 * 4", expect!["2 + 3 * 4 = **14**"]);
        check("What is (2+3)*-4?", expect!["(2+3)*-4 = **-20**"]);
        check("0.1 + 0.2 =", expect!["0.1 + 0.2 = **0.3**"]);
        check("10 ÷ 4 × 2", expect!["10 / 4 * 2 = **5**"]);
        check("0 * -1", expect!["0 * -1 = **0**"]);
    }

    #[test]
    fn what_has_no_value_says_so() {
        check("1 / 0", expect!["1 / 0 has no value: it divides by zero or is too large."]);
    }

    #[test]
    fn what_is_no_sum_is_left_alone() {
        check("2 +", expect!["no sum"]);
        check("12", expect!["no sum"]);
        check("call me at 5-6", expect!["no sum"]);
        check(&"(".repeat(100), expect!["no sum"]);
        check(&format!("{}1+1{}", "(".repeat(60), ")".repeat(60)), expect!["no sum"]);
    }
}
