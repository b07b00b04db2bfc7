"""Tables of sign-ons. Owner: `connector.idp.store`."""
