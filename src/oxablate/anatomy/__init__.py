"""Who is treated: tissues, phantoms, scans."""
