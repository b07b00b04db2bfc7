"""The words of the audit: why a login ended as it did. They are stable, people search for them."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why a request was refused, a person not signed in, or not let into an application."""

    # The document (steps 2 and 3).
    XML_TOO_LARGE = "xml-too-large"
    XML_TOO_DEEP = "xml-too-deep"
    XML_MALFORMED = "xml-malformed"
    XML_ENCODING = "xml-encoding"
    XML_DOCTYPE = "xml-doctype"
    XML_COMMENT = "xml-comment"
    XML_DUPLICATE_ID = "xml-duplicate-id"
    SIGNATURE_MISPLACED = "signature-misplaced"
    SIGNATURE_REFERENCE = "signature-reference"
    SIGNATURE_TRANSFORMS = "signature-transforms"
    SIGNATURE_ALGORITHM = "signature-algorithm"
    SIGNATURE_INVALID = "signature-invalid"
    SIGNATURE_MISSING = "signature-missing"
    MESSAGE_MISSING = "message-missing"
    MESSAGE_ENCODING = "message-encoding"
    RELAY_STATE_TOO_LONG = "relay-state-too-long"

    # The request (step 3).
    NOT_AUTHN_REQUEST = "not-an-authn-request"
    VERSION_UNSUPPORTED = "version-unsupported"
    REQUEST_ID_MISSING = "request-id-missing"
    REQUEST_REPLAYED = "request-replayed"
    REQUEST_TIME = "request-time"
    ISSUER_UNKNOWN = "issuer-unknown"
    DESTINATION_WRONG = "destination-wrong"
    ACS_UNREGISTERED = "acs-unregistered"
    BINDING_UNSUPPORTED = "binding-unsupported"
    METADATA_ENDED = "metadata-ended"

    # Single logout.
    NOT_LOGOUT_REQUEST = "not-a-logout-request"
    NOT_LOGOUT_RESPONSE = "not-a-logout-response"
    SOAP_MALFORMED = "soap-malformed"
    PRINCIPAL_MISSING = "principal-missing"
    PRINCIPAL_UNKNOWN = "principal-unknown"
    RESPONSE_UNEXPECTED = "response-unexpected"
    APPLICATION_SILENT = "application-silent"
    APPLICATION_REFUSED = "application-refused"
    APPLICATION_UNTOLD = "application-untold"

    # The flow.
    APPLICATION_UNKNOWN = "application-unknown"
    TRANSACTION_UNKNOWN = "transaction-unknown"
    TRANSACTION_ENDED = "transaction-ended"
    OTHER_BROWSER = "other-browser"
    STEP_TOKEN = "step-token"
    STEP_SKIPPED = "step-skipped"
    PASSIVE_WITHOUT_SESSION = "passive-without-session"
    AUTHN_CONTEXT_UNSUPPORTED = "authn-context-unsupported"
    NAME_ID_UNSUPPORTED = "name-id-unsupported"
    SUBJECT_UNSUPPORTED = "subject-unsupported"

    # The person (step 5); the browser is told one thing, whichever it is.
    EMAIL_MALFORMED = "email-malformed"
    PASSWORD_EMPTY = "password-empty"
    UNKNOWN_USER = "unknown-user"
    WRONG_PASSWORD = "wrong-password"
    SAME_WRONG_PASSWORD = "same-wrong-password"
    LOGON_HOURS = "logon-hours"
    WORKSTATION = "workstation"
    PASSWORD_EXPIRED = "password-expired"
    ACCOUNT_DISABLED = "account-disabled"
    ACCOUNT_EXPIRED = "account-expired"
    MUST_CHANGE_PASSWORD = "must-change-password"
    LOCKED_OUT = "locked-out"
    UNRECOGNISED = "unrecognised"
    TOO_MANY_ATTEMPTS = "too-many-attempts"
    SOURCE_UNAVAILABLE = "source-unavailable"
    PASSWORD_UNANSWERED = "password-unanswered"

    # The new password of somebody whose password has expired; the person is told which.
    NEW_PASSWORD_AGAINST_RULES = "new-password-against-rules"
    NEW_PASSWORD_TOO_SHORT = "new-password-too-short"
    NEW_PASSWORD_TOO_LONG = "new-password-too-long"
    NEW_PASSWORD_NOT_COMPLEX = "new-password-not-complex"
    NEW_PASSWORD_CONTAINS_NAME = "new-password-contains-name"
    NEW_PASSWORD_USED_BEFORE = "new-password-used-before"
    NEW_PASSWORD_NOT_SENDABLE = "new-password-not-sendable"
    PASSWORD_TOO_YOUNG = "password-too-young"
    PASSWORD_NOT_CHANGEABLE = "password-not-changeable"
    CHANGE_UNANSWERED = "change-unanswered"
    CHANGED_ONLY = "changed-only"

    # Whether the person may enter (step 6).
    NOT_ACTIVE = "not-active"
    NOT_IN_GROUP = "not-in-group"
    NO_NAME_ID = "no-name-id"
    OTHER_SUBJECT = "other-subject"
    ATTRIBUTE_MISSING = "attribute-missing"
    NOT_PROVISIONED = "not-provisioned"
    STATUS_DISABLED = "status-disabled"
    STATUS_LOCKED_OUT = "status-locked-out"
    POLICY_DENIES = "policy-denies"
    NETWORK_REFUSED = "network-refused"
    COUNTRY_REFUSED = "country-refused"
    BROWSER_TOO_OLD = "browser-too-old"
    SESSION_TOO_OLD = "session-too-old"
    SESSION_IDLE = "session-idle"
    PASSWORD_WANTED = "password-wanted"
    FACTOR_MISSING = "factor-missing"

    # The answer of an upstream: its message.
    NOT_RESPONSE = "not-a-response"
    RESPONSE_ID_MISSING = "response-id-missing"
    RESPONSE_TIME = "response-time"
    RESPONSE_UNSOLICITED = "response-unsolicited"
    IN_RESPONSE_TO_WRONG = "in-response-to-wrong"
    ISSUER_OTHER = "issuer-other"
    ENCRYPTION_MISSING = "encryption-missing"
    ENCRYPTION_ALGORITHM = "encryption-algorithm"
    DECRYPTION_FAILED = "decryption-failed"

    # Its assertion.
    ASSERTION_COUNT = "assertion-count"
    ASSERTION_MALFORMED = "assertion-malformed"
    ASSERTION_TIME = "assertion-time"
    ASSERTION_REPLAYED = "assertion-replayed"
    AUDIENCE_WRONG = "audience-wrong"
    RECIPIENT_WRONG = "recipient-wrong"
    SUBJECT_UNCONFIRMED = "subject-unconfirmed"
    CONDITION_UNKNOWN = "condition-unknown"
    AUTHN_MISSING = "authn-statement-missing"
    AUTHN_NOT_FRESH = "authn-not-fresh"
    AUTHN_CONTEXT_WRONG = "authn-context-wrong"
    SESSION_ENDED = "upstream-session-ended"
    NAME_MISSING = "asserted-name-missing"

    # What it says instead of an assertion, or that there is nobody to ask.
    UPSTREAM_UNKNOWN = "upstream-unknown"
    UPSTREAM_NO_PASSIVE = "upstream-no-passive"
    UPSTREAM_AUTHN_FAILED = "upstream-authn-failed"
    UPSTREAM_ERROR = "upstream-error"

    # The person whom it vouches for.
    DOMAIN_NOT_VOUCHED = "domain-not-vouched"
    OTHER_SOURCE = "other-source"
    OTHER_PERSON = "other-person"
