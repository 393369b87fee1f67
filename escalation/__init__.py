"""Should a person be asked? Pure functions over signals gathered elsewhere."""
