"""Search content: from a keyword and a company profile to a researched, checked and published article."""
