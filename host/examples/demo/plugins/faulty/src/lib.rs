//! Two tools with a bug each. The demo shows what a client reads when they meet it.

use std::hint::black_box;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolcell_sdk::{Tool, ToolError};

toolcell_sdk::plugin!(tools);

/// The tools of this plugin.
#[must_use]
pub fn tools() -> Vec<Tool> {
    vec![
        Tool::new("average", average).title("Average").read_only(),
        Tool::new("count_down", count_down).title("Count down").read_only(),
    ]
}

/// Averages whole numbers, rounded towards zero. Its author did not think of an empty list.
#[derive(Deserialize, JsonSchema)]
struct Average {
    /// The numbers.
    numbers: Vec<i64>,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Number {
    /// The average.
    value: i64,
}

fn average(input: Average) -> Result<Number, ToolError> {
    let count = i64::try_from(input.numbers.len()).unwrap_or(i64::MAX);
    Ok(Number { value: input.numbers.into_iter().sum::<i64>() / count })
}

/// Counts down to zero. Its author did not think of a step of 0.
#[derive(Deserialize, JsonSchema)]
struct CountDown {
    /// Where to begin.
    from: u64,
    /// How much to go down at a time.
    step: u64,
}

#[derive(Debug, PartialEq, Serialize, JsonSchema)]
struct Steps {
    /// How many steps it took.
    steps: u64,
}

#[expect(clippy::needless_pass_by_value, reason = "a tool is given its arguments")]
fn count_down(input: CountDown) -> Result<Steps, ToolError> {
    let (mut left, mut steps) = (input.from, 0);
    while left > 0 {
        left = black_box(left.saturating_sub(input.step));
        steps += 1;
    }
    Ok(Steps { steps })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_work_where_their_bug_is_not_met() {
        assert_eq!(average(Average { numbers: vec![1, 2, 6] }), Ok(Number { value: 3 }));
        assert_eq!(count_down(CountDown { from: 7, step: 2 }), Ok(Steps { steps: 4 }));
    }
}
