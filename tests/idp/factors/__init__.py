"""Every kind of factor goes through one suite, on either database; what is its own follows."""
