//! `budget epsilon`: what a schedule costs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{Answer, BudgetError, Claim, EpsilonArguments, Table, round, upward};

pub(super) fn answer(arguments: &EpsilonArguments) -> Result<Answer, BudgetError> {
    let EpsilonArguments { noise_multiplier, sampling_rate, rounds, delta, accountant, .. } = *arguments;
    let event = round(noise_multiplier, sampling_rate)?.repeated(rounds.get());
    let table = Table::of(&event, delta);
    let quote = table.chosen(accountant)?;
    let claim = Claim::new(accountant, quote, table.lower, delta, sampling_rate);
    let accountants: Vec<Value> = table
        .all
        .iter()
        .map(|priced| match &priced.epsilon {
            Ok(epsilon) => json!({ "accountant": priced.accountant, "epsilon": epsilon }),
            Err(refusal) => json!({ "accountant": priced.accountant, "refused": refusal.to_string() }),
        })
        .collect();
    let mut text = format!(
        "{rounds} rounds at sampling rate {sampling_rate} with noise multiplier {noise_multiplier} cost:\n{claim}\naccountants:"
    );
    for priced in &table.all {
        let mark = if priced.accountant == quote.accountant { '*' } else { ' ' };
        let said = match &priced.epsilon {
            Ok(epsilon) => upward(epsilon.get()),
            Err(refusal) => format!("refuses: {refusal}"),
        };
        // Writing to a String cannot fail.
        let _ = write!(text, "\n {mark} {:<15} {said}", priced.accountant);
    }
    let parameters = json!({
        "noise_multiplier": noise_multiplier,
        "sampling_rate": sampling_rate,
        "rounds": rounds,
        "accountants": accountants,
    });
    Ok(Answer { json: merged("epsilon", &claim, parameters), text })
}

/// One object of the claim and the parameters that it is about.
pub(super) fn merged(question: &str, claim: &Claim, parameters: Value) -> Value {
    let mut object = json!(claim);
    object["question"] = question.into();
    if let (Value::Object(object), Value::Object(parameters)) = (&mut object, parameters) {
        object.extend(parameters);
    }
    object
}
