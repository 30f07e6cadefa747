"""Japan's Public Certification Service for Individuals (公的個人認証サービス, JPKI)."""
