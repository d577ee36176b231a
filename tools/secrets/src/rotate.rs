//! The rotation of the key that signs access tokens, in three steps with a deployment after each; docs/key-rotation.md is
//! the runbook.
//!
//! What stays true: whatever is signed at any time verifies with the public keys of the step before and of the step after, so
//! it does not matter in which order instances are replaced.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{PRIVATE_KEY, PUBLIC_KEYS, Variables, is_missing, keys, random};

/// The private key that waits for its turn. No component reads it.
const NEXT_PRIVATE_KEY: &str = "BIZO_NEXT_JWT_PRIVATE_KEY";

/// Makes the next pair: its public half joins those that verify, its private half waits.
pub fn add_signing_key(variables: &mut Variables) -> Result<()> {
    ensure!(
        is_missing(variables, NEXT_PRIVATE_KEY),
        "{NEXT_PRIVATE_KEY} is waiting already: go on with `switch`, or empty it and take its public half out of {PUBLIC_KEYS}"
    );
    let private = keys::private_jwk(&random::<32>()?);
    let mut public = public_keys(variables)?;
    public.extend(set(&keys::public_jwks(&private)?)?);
    variables.insert(PUBLIC_KEYS.to_owned(), json!({ "keys": public }).to_string());
    variables.insert(NEXT_PRIVATE_KEY.to_owned(), private);
    Ok(())
}

/// Lets the next private key sign. Its public half must have been deployed everywhere.
pub fn switch_signing_key(variables: &mut Variables) -> Result<()> {
    let next = match variables.get(NEXT_PRIVATE_KEY) {
        Some(next) if !next.is_empty() => next.clone(),
        _ => bail!("{NEXT_PRIVATE_KEY} is empty: begin with `add`"),
    };
    let halves = set(&keys::public_jwks(&next)?)?;
    let public = public_keys(variables)?;
    ensure!(
        halves.iter().all(|half| public.contains(half)),
        "{PUBLIC_KEYS} lacks the public half of {NEXT_PRIVATE_KEY}"
    );
    variables.insert(PRIVATE_KEY.to_owned(), next);
    // Emptied, not removed: lines of an env file stay.
    variables.insert(NEXT_PRIVATE_KEY.to_owned(), String::new());
    Ok(())
}

/// Takes away every public key but that of the private one. The last token that another signed must have expired.
pub fn finish_signing_key(variables: &mut Variables) -> Result<()> {
    ensure!(is_missing(variables, NEXT_PRIVATE_KEY), "{NEXT_PRIVATE_KEY} is still waiting: `switch` comes first");
    let private = variables.get(PRIVATE_KEY).with_context(|| format!("{PRIVATE_KEY} is missing"))?;
    let public = keys::public_jwks(private)?;
    variables.insert(PUBLIC_KEYS.to_owned(), public);
    Ok(())
}

fn public_keys(variables: &Variables) -> Result<Vec<Value>> {
    set(variables.get(PUBLIC_KEYS).with_context(|| format!("{PUBLIC_KEYS} is missing"))?)
}

fn set(jwks: &str) -> Result<Vec<Value>> {
    let mut jwks: Value = serde_json::from_str(jwks).with_context(|| format!("{PUBLIC_KEYS} is not JSON"))?;
    match jwks["keys"].take() {
        Value::Array(keys) => Ok(keys),
        _ => bail!("{PUBLIC_KEYS} is not a JWKS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::complete;

    fn fresh() -> Variables {
        let mut variables = Variables::new();
        complete(&mut variables).unwrap();
        variables
    }

    fn kids(variables: &Variables) -> Vec<String> {
        let keys = public_keys(variables).unwrap();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    fn signing_kid(variables: &Variables) -> String {
        let key: Value = serde_json::from_str(&variables[PRIVATE_KEY]).unwrap();
        key["kid"].as_str().unwrap().to_owned()
    }

    #[test]
    fn at_every_step_what_is_signed_verifies_before_and_after() {
        let mut variables = fresh();
        let old = signing_kid(&variables);
        add_signing_key(&mut variables).unwrap();
        let both = kids(&variables);
        assert_eq!((both.len(), &both[0], signing_kid(&variables)), (2, &old, old.clone()));
        switch_signing_key(&mut variables).unwrap();
        assert_eq!((kids(&variables), signing_kid(&variables)), (both.clone(), both[1].clone()));
        finish_signing_key(&mut variables).unwrap();
        assert_eq!((kids(&variables), signing_kid(&variables)), (vec![both[1].clone()], both[1].clone()));
        assert!(!variables[PUBLIC_KEYS].contains("\"d\""));
        // And again, another day.
        add_signing_key(&mut variables).unwrap();
        assert_eq!(kids(&variables).len(), 2);
    }

    #[test]
    fn no_step_can_be_left_out_or_taken_twice() {
        let mut variables = fresh();
        assert!(switch_signing_key(&mut variables).unwrap_err().to_string().contains("begin with `add`"));
        add_signing_key(&mut variables).unwrap();
        let added = variables.clone();
        assert!(add_signing_key(&mut variables).unwrap_err().to_string().contains("waiting already"));
        assert!(finish_signing_key(&mut variables).unwrap_err().to_string().contains("`switch` comes first"));
        assert_eq!(variables, added, "what is refused changes nothing");
        switch_signing_key(&mut variables).unwrap();
        assert!(switch_signing_key(&mut variables).is_err());
        finish_signing_key(&mut variables).unwrap();
        let finished = variables.clone();
        finish_signing_key(&mut variables).unwrap();
        assert_eq!(variables, finished);
    }
}
