"""Translations: each module speaks one outside language (HTTP, SQL, the file system) on behalf of a port."""
