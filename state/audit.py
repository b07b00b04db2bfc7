"""Tables of the audit. Owner: `connector.audit`."""
