"""Credentials, signer, event stream, HTTP towards AWS. Empty until Bedrock is built."""
