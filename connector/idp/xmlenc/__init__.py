"""XML that one reader only can read (XML Encryption 1.1): AES-GCM, its key wrapped by RSA-OAEP.

Out: `method` says by which algorithms, as metadata asks; `encrypt` puts an element into an
EncryptedData that stands alone. Whatever is encrypted was signed before, and what carries it is
signed after. In: `decrypt` turns an EncryptedData back into the element that it holds. Encryption
says nothing about who wrote a message: whatever comes out is believed only when a signature says
so.
"""
