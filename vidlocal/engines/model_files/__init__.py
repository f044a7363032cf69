"""Downloaded model files and their checksums."""
