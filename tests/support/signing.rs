//! Keys that sign access tokens as an issuer does.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use serde_json::{Value, json};

/// A key, and the name that the issuer gives it.
pub struct SigningKey {
    id: &'static str,
    pair: Pair,
}

enum Pair {
    Rs256(Box<RsaKeyPair>),
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
}

impl SigningKey {
    /// Always the same key: ring makes none for RSA.
    pub fn rs256(id: &'static str) -> Self {
        let pair = RsaKeyPair::from_der(include_bytes!("issuer-rsa.der")).expect("a key");
        Self { id, pair: Pair::Rs256(Box::new(pair)) }
    }

    pub fn es256(id: &'static str) -> Self {
        let (algorithm, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random).expect("a key");
        Self { id, pair: Pair::Es256(EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random).expect("a key")) }
    }

    pub fn eddsa(id: &'static str) -> Self {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("a key");
        Self { id, pair: Pair::EdDsa(Ed25519KeyPair::from_pkcs8(key.as_ref()).expect("a key")) }
    }

    /// As the issuer publishes it.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rs256(pair) => {
                let key = PublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({"kty": "RSA", "use": "sig", "kid": self.id, "n": encoded(&key.n), "e": encoded(&key.e)})
            }
            Pair::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": self.id, "x": encoded(x), "y": encoded(y)})
            }
            Pair::EdDsa(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.id, "x": encoded(pair.public_key().as_ref())})
            }
        }
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({}), claims)
    }

    /// The same, with other or more members in its header.
    pub fn token_with(&self, header: &Value, claims: &Value) -> String {
        let algorithm = match &self.pair {
            Pair::Rs256(_) => "RS256",
            Pair::Es256(_) => "ES256",
            Pair::EdDsa(_) => "EdDSA",
        };
        let mut whole = json!({"typ": "at+jwt", "alg": algorithm, "kid": self.id});
        for (name, value) in header.as_object().expect("an object") {
            whole[name] = value.clone();
        }
        let message = format!("{}.{}", encoded(whole.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
        format!("{message}.{}", encoded(&self.sign(message.as_bytes())))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("it signs");
                signature
            }
            Pair::Es256(pair) => pair.sign(&random, message).expect("it signs").as_ref().to_vec(),
            Pair::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// Base64 as JWTs have it.
pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
