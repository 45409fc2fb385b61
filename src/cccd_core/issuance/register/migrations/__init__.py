"""What made the register's tables, from version to version; `storage.migrations` reads the folder `versions`."""
