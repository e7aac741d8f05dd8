-- AlterTable
ALTER TABLE "Build" ADD COLUMN     "cnb" JSONB;

-- AlterTable
ALTER TABLE "Settings" ADD COLUMN     "builder" TEXT,
ADD COLUMN     "buildpacks" JSONB;
