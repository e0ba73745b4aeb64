-- Whether only people, and no keys and tokens, change who may do what.
ALTER TABLE settings ADD COLUMN access_by_people_only INTEGER NOT NULL DEFAULT 0 CHECK (access_by_people_only IN (0, 1));

-- What somebody without a second factor was told by mail: that one is demanded of them from this moment on, and then, once
-- more, that it is near.
ALTER TABLE users ADD COLUMN factor_told_from INTEGER;
ALTER TABLE users ADD COLUMN factor_told_again INTEGER NOT NULL DEFAULT 0 CHECK (factor_told_again IN (0, 1));

-- Of whom a second factor is demanded, and who has one, is remembered with a session.
CREATE TRIGGER rules_of_sign_in_changed AFTER UPDATE OF second_factor, second_factor_permissions, second_factor_since, grace_days
    ON settings BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER factors_made AFTER INSERT ON factors BEGIN UPDATE company SET access_version = access_version + 1; END;
CREATE TRIGGER factors_gone AFTER DELETE ON factors BEGIN UPDATE company SET access_version = access_version + 1; END;
