-- Tenants' own people are no part of Everyone, unless the company says so.
ALTER TABLE settings ADD COLUMN customers_in_everyone INTEGER NOT NULL DEFAULT 0 CHECK (customers_in_everyone IN (0, 1));
CREATE TRIGGER customers_in_everyone_changed AFTER UPDATE OF customers_in_everyone ON settings
    BEGIN UPDATE company SET access_version = access_version + 1; END;

-- Invited as one of a tenant's own people: taken out of the tenant's team, they are in none and still no colleague.
ALTER TABLE users ADD COLUMN came_for_tenant INTEGER NOT NULL DEFAULT 0 CHECK (came_for_tenant IN (0, 1));
UPDATE users SET came_for_tenant = 1
 WHERE EXISTS (SELECT 1 FROM team_members m WHERE m.user_id = users.id)
   AND NOT EXISTS (SELECT 1 FROM team_members m JOIN teams t ON t.id = m.team_id WHERE m.user_id = users.id AND t.tenant_id IS NULL);
DROP TRIGGER users_changed;
CREATE TRIGGER users_changed AFTER UPDATE OF id, username, username_key, display_name, email, email_key, state, is_service, password_hash, devices_since, created_at, came_for_tenant
    ON users BEGIN UPDATE company SET access_version = access_version + 1; END;
