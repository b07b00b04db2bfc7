"""XML that one reader only can read (XML Encryption 1.1): AES-GCM, its key wrapped by RSA-OAEP.

In: `decrypt` turns an EncryptedData back into the element that it holds. Encryption says nothing
about who wrote a message: whatever comes out is believed only when a signature says so.
"""
